#include "image_jobs.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <ctime>

#include <spdlog/spdlog.h>

#include "border.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "zone/fault.hpp"
#include "zone/text_rules.hpp"

namespace zoned::daemon {
namespace {

using zone::Fault;
using zone::FaultKind;
using zone::ZoneName;

constexpr std::size_t maxOrigin = 256;

bool consistsOf(const std::string& text, std::string_view others) {
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || others.find(c) != std::string_view::npos;
    });
}

bool isUrl(const std::string& text) {
    const bool scheme = text.starts_with("http://") || text.starts_with("https://");
    return scheme && text.size() > 8 && text.size() <= 1024 &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F && c != '"' && c != '\\'; });
}

Fault unusable(const std::string& what, const std::string& value, const std::string& rule) {
    return Fault(FaultKind::invalidArgument, what + " '" + value + "' is not usable: " + rule);
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : ",") + word;
    }
    return text;
}

} // namespace

void checkBuildOptions(const BuildOptions& options) {
    if (!consistsOf(options.suite, ".-") || options.suite.front() == '-' || options.suite.front() == '.') {
        throw unusable("the suite", options.suite, "it consists of lower-case letters, digits, '.' and '-'");
    }
    if (!options.mirror.empty() && !isUrl(options.mirror)) {
        throw unusable("the mirror", options.mirror, "it must be an http:// or https:// URL");
    }
    for (const std::string& package : options.include) {
        if (!consistsOf(package, "+-.") || package.size() < 2 || !consistsOf(package.substr(0, 1), "")) {
            throw unusable("the package", package, "it consists of lower-case letters, digits, '+', '-' and '.'");
        }
    }
    constexpr std::array<std::string_view, 4> inits{"systemd", "sysvinit", "openrc", "none"};
    if (std::ranges::find(inits, options.init) == inits.end()) {
        throw unusable("the init", options.init, "it is one of systemd, sysvinit, openrc, none");
    }
}

void ImageJobs::requireFreeName(const ZoneName& name) const {
    jobs_.requireFree({Held::image, name.str()});
    if (registry_.images().exists(name)) {
        throw Fault(FaultKind::nameTaken, "an image named '" + name.str() + "' exists already");
    }
}

std::uint32_t ImageJobs::import(const std::string& name, sys::UniqueFd archive, const std::string& origin) {
    const ZoneName imageName(name);
    requireFreeName(imageName);
    const int flags = fcntl(archive.get(), F_GETFL);
    if (flags < 0 || (flags & O_PATH) != 0 || (flags & O_ACCMODE) == O_WRONLY) {
        throw Fault(FaultKind::invalidArgument, "the archive's descriptor cannot be read from");
    }
    if (origin.size() > maxOrigin || zone::hasControlCharacter(origin)) {
        throw Fault(FaultKind::invalidArgument, "the archive's origin is too long or has control characters");
    }
    return fill(imageName, "image-import", {"import"}, std::move(archive), origin);
}

std::uint32_t ImageJobs::build(const std::string& name, const BuildOptions& options) {
    const ZoneName imageName(name);
    checkBuildOptions(options);
    requireFreeName(imageName);
    std::vector<std::string> arguments{"build", "--suite", options.suite, "--init", options.init};
    if (const std::string mirror = options.mirror.empty() ? host_.settings.images.mirror : options.mirror;
        !mirror.empty()) {
        arguments.insert(arguments.end(), {"--mirror", mirror});
    }
    if (!options.include.empty()) {
        arguments.insert(arguments.end(), {"--include", joined(options.include)});
    }
    return fill(imageName, "image-build", std::move(arguments), {}, options.suite + " from mmdebstrap");
}

std::uint32_t ImageJobs::fill(const ZoneName& name, const std::string& kind, std::vector<std::string> arguments,
                              sys::UniqueFd input, const std::string& origin) {
    // The worker runs as ids that nobody else has.
    const ReservedIds::Loan ids = ids_.forWorker();
    const std::string staging = registry_.images().makeStaging(name);
    const std::uint32_t job = jobs_.start(kind, {Held::image, name.str()});
    const auto& limits = host_.settings.images;
    arguments.insert(arguments.end(),
                     {"--rootfs", staging + "/rootfs", "--id-base", std::to_string(ids.first()), "--max-bytes",
                      std::to_string(limits.maxBytes), "--max-entries", std::to_string(limits.maxEntries)});
    try {
        const std::uint64_t worker = workers_.start(
            arguments, std::move(input),
            [this, job](double progress, const std::string& message) { jobs_.report(job, progress, message); },
            [this, name, job, staging, origin, ids](const std::variant<WorkerResult, Fault>& result) {
                filled(name, job, staging, origin, result);
            });
        jobs_.onCancel(job, [this, job, worker] {
            jobs_.report(job, -1, "cancelling");
            workers_.cancel(worker);
        });
    } catch (const std::exception& error) {
        jobs_.fail(job, zone::faultOf(error));
        attempt("removing what was to be an image", [&] { sys::removeTree(staging); }); // still empty
    }
    return job;
}

void ImageJobs::filled(const ZoneName& name, std::uint32_t job, const std::string& staging, const std::string& origin,
                       const std::variant<WorkerResult, Fault>& result) {
    // A job that failed ends when nothing is left of it.
    const auto fail = [&](const Fault& why) { discard({staging}, [this, job, why] { jobs_.fail(job, why); }); };
    try {
        if (const auto* fault = std::get_if<Fault>(&result)) {
            throw Fault(fault->kind(), "image " + name.str() + ": " + fault->what());
        }
        const auto& found = std::get<WorkerResult>(result);
        registry_.images().publish(staging, {name.str(), randomHex(16), origin, found.osName, found.bytes, found.files,
                                             std::time(nullptr), found.notes});
        registry_.imagesChanged();
        jobs_.finish(job);
    } catch (const std::exception& error) {
        fail(zone::faultOf(error));
    }
}

std::uint32_t ImageJobs::remove(const std::string& text) {
    // a name that cannot be made is one of no image
    if (ZoneName::problem(text) || !registry_.images().exists(ZoneName(text))) {
        throw Fault(FaultKind::noSuchImage, "there is no image named '" + text + "'");
    }
    const ZoneName name(text);
    jobs_.requireFree({Held::image, text});
    if (const auto users = registry_.usersOf(text); !users.empty()) {
        throw Fault(FaultKind::imageInUse, "image " + text + " is in use by zone" + (users.size() > 1 ? "s " : " ") +
                                               joined(users) + "; uninstall or delete them first");
    }
    const std::uint32_t job = jobs_.start("image-delete", {Held::image, text});
    try {
        const std::string folder = registry_.images().retire(name);
        registry_.imagesChanged();
        jobs_.report(job, -1, "removing files");
        workers_.start(
            {"remove", folder}, {}, [](double, const std::string&) {},
            [this, job, text](const std::variant<WorkerResult, Fault>& result) {
                if (const auto* fault = std::get_if<Fault>(&result)) {
                    jobs_.fail(job, fault->kind(), "removing image " + text + ": " + fault->what());
                } else {
                    jobs_.finish(job);
                }
            });
    } catch (const std::exception& error) {
        jobs_.fail(job, zone::faultOf(error));
    }
    return job;
}

void ImageJobs::discard(const std::vector<std::string>& folders, const std::function<void()>& then) {
    std::vector<std::string> arguments{"remove"};
    arguments.insert(arguments.end(), folders.begin(), folders.end());
    try {
        workers_.start(
            arguments, {}, [](double, const std::string&) {},
            [folders, then](const std::variant<WorkerResult, Fault>& result) {
                if (const auto* fault = std::get_if<Fault>(&result)) {
                    spdlog::error("removing {}: {}", joined(folders), fault->what());
                }
                then();
            });
    } catch (const std::exception& error) {
        spdlog::error("removing {}: {}", joined(folders), error.what());
        then();
    }
}

void ImageJobs::sweep() {
    std::vector<std::string> folders = registry_.images().leftovers();
    for (const ZoneName& name : registry_.storage().names()) {
        // An uninstall that was interrupted: the zone stays incomplete, its retired files go now.
        const std::string gone = registry_.storage().path(name) + "/gone";
        if (sys::exists(gone)) {
            folders.push_back(gone);
        }
    }
    if (!folders.empty()) {
        discard(folders, [] {});
    }
}

} // namespace zoned::daemon
