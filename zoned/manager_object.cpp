#include "manager_object.hpp"

#include <fcntl.h>

#include <algorithm>
#include <optional>

#include "api/error_names.hpp"
#include "config.h"
#include "host_check.hpp"
#include "store/definition_yaml.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/received_fds.hpp"
#include "zone/public_text.hpp"

namespace zoned::daemon {
namespace {

using zone::Fault;
using zone::FaultKind;

constexpr std::size_t maxOrigin = 256;

/// What a text is called in complaints.
std::string checkedOrigin(const std::string& origin) {
    if (origin.size() > maxOrigin) {
        throw Fault(FaultKind::invalidArgument, "the text's origin is too long");
    }
    return origin.empty() ? "definition" : origin;
}

/// What is made of settings alone has no lines that the caller knows.
zone::Definition checkComposed(Registry& registry, const std::string& text, const std::string& origin, bool composed,
                               const std::string& self) {
    if (!composed || !origin.empty()) {
        return registry.check(text, composed ? origin + ", with the settings" : checkedOrigin(origin), self);
    }
    try {
        return registry.check(text, "", self);
    } catch (const zone::DefinitionFault& fault) {
        throw zone::withoutLines(fault);
    }
}

/// The zone that a text is about, by the line that nearly every text has: "zone: web". A guess, for what is asked before
/// the text is read; "" where there is no such line.
std::string zoneSaidIn(std::string_view text) {
    constexpr std::string_view key = "zone:";
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = text.substr(at, end - at);
        if (line.starts_with(key)) {
            const std::size_t from = std::min(line.find_first_not_of(' ', key.size()), line.size());
            const std::size_t to = line.find_first_of(" #\r", from);
            const std::string name(line.substr(from, to == std::string_view::npos ? to : to - from));
            return zone::ZoneName::problem(name) ? "" : name;
        }
        at = end + 1;
    }
    return "";
}

/// What a Define brings.
struct NewDefinition {
    std::string name; // "": the text says it
    std::string text;
    std::string origin;
    std::vector<std::pair<std::string, std::string>> settings;

    [[nodiscard]] std::string complete() const {
        std::vector<std::pair<std::string, std::string>> all;
        if (!name.empty()) {
            all.emplace_back("zone", zone::ZoneName(name).str());
        }
        all.insert(all.end(), settings.begin(), settings.end());
        return all.empty() ? text : store::applySettings(text, all);
    }
};

using DefineAnswer = Pending<sdbus::ObjectPath, std::vector<std::string>>;

/// Calls back with what the host does not have of what the definition needs, a sentence each.
void tellMissing(const Domain& domain, const zone::Definition& definition,
                 const std::function<void(const std::vector<std::string>&)>& then) {
    findMissing(domain.lookups, mountSources(definition),
                [then, others = missingOnHost(domain.host, definition)](std::vector<std::string> missing) {
                    missing.insert(missing.end(), others.begin(), others.end());
                    then(missing);
                });
}

void defineNow(const Domain& domain, const NewDefinition& given, const std::string& text, const DefineAnswer& pending) {
    const zone::Definition definition =
        checkComposed(domain.registry, text, given.origin, text != given.text, given.name);
    const zone::ZoneName name(definition.zone);
    domain.jobs.requireFree({Held::zone, name.str()});
    const std::string root = domain.registry.define(definition, text);
    tellMissing(domain, definition, [name, pending, root](std::vector<std::string> warnings) {
        if (!root.empty()) {
            warnings.push_back(root);
        }
        pending.reply(sdbus::ObjectPath(api::zonePath(name.str())), warnings);
    });
}

void define(const Domain& domain, const std::shared_ptr<const NewDefinition>& given, const DefineAnswer& pending) {
    const std::string text = given->complete();
    domain.accounts.learn(adminsIn(text), [domain, given, text, pending] {
        pending.attempt([&] { defineNow(domain, *given, text, pending); });
    });
}

/// What a Define needs beyond the right to create the zone that it seemed to be for, now that its text may be read: for
/// another zone, and for privileges on the host. Nothing where that is all, or where the text cannot be read, which
/// define() says.
std::optional<Request> neededBeyond(const Request& asked, const NewDefinition& given) {
    try {
        const zone::Definition definition = store::parseDefinition(given.complete(), "").definition;
        Request request = asked;
        request.target = targetOf("zone", definition.zone);
        if (zone::givesPrivilege(definition)) {
            request.verb = Verb::configPrivileged;
            request.target.because = sinceItHas(zone::privilegeKeys(definition));
            return request;
        }
        return request.target.name != asked.target.name ? std::optional(request) : std::nullopt;
    } catch (const Fault&) {
        return std::nullopt;
    }
}

std::string firstLine(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

/// The zone is not running, and not because anybody wanted it so.
bool endedBadly(const ZoneView& view) {
    return view.state != zone::State::running && !view.reason.empty() && !platform::isOrderlyEnd(view.reason);
}

} // namespace

ManagerObject::ManagerObject(sdbus::IConnection& connection, Domain domain)
    : AdaptorInterfaces(connection, sdbus::ObjectPath(api::managerPath)), domain_(domain) {
    registerAdaptor();
}

ManagerObject::~ManagerObject() {
    unregisterAdaptor();
}

std::string ManagerObject::Version() {
    return ZONED_VERSION;
}

std::string ManagerObject::noteOf(const ZoneView& view) const {
    std::string note;
    const auto add = [&note](const std::string& text) { note += (note.empty() ? "" : "; ") + text; };
    if (!view.maintenance.empty()) {
        add("maintenance: " + zone::publicReason(view.maintenance));
    }
    if (const JobInfo* job = view.job == 0 ? nullptr : domain_.jobs.find(view.job)) {
        add(sys::join("job ", job->id, " (", job->kind, ")"));
    }
    if (view.privileged) {
        add("not root-safe");
    }
    if (!view.problem.empty()) {
        add("invalid: " + firstLine(view.problem));
    } else if (view.maintenance.empty() && endedBadly(view)) {
        add(zone::publicReason(firstLine(view.reason)));
    }
    return note;
}

std::vector<ManagerObject::ZoneRow> ManagerObject::ListZones() {
    return answer("ListZones", [&] {
        std::vector<ZoneRow> rows;
        for (const zone::ZoneName& name : domain_.registry.names()) {
            const ZoneView& view = domain_.registry.view(name);
            std::vector<std::string> addresses;
            for (const auto& [interface, address] : view.addresses) {
                addresses.push_back(address.substr(0, address.find('/')));
            }
            rows.emplace_back(name.str(), std::string(zone::stateName(view.state)), noteOf(view), view.image, addresses,
                              sdbus::ObjectPath(api::zonePath(name.str())));
        }
        return rows;
    });
}

sdbus::ObjectPath ManagerObject::GetZone(const std::string& name) {
    return answer("GetZone", [&] {
        const Zone& zone = domain_.registry.current(name);
        return sdbus::ObjectPath(api::zonePath(zone.name.str()));
    });
}

void ManagerObject::Define(sdbus::Result<sdbus::ObjectPath, std::vector<std::string>>&& result, std::string name,
                           std::string text, std::string origin,
                           std::vector<sdbus::Struct<std::string, std::string>> settings) {
    const auto pairs = answer("Define", [&] { return settingsFrom(settings); });
    const Request request{"Define", Verb::create, targetOf("zone", name.empty() ? zoneSaidIn(text) : name)};
    const auto given = std::make_shared<const NewDefinition>(
        NewDefinition{std::move(name), std::move(text), std::move(origin), pairs});
    authorisedLater(domain_, getObject(), std::move(result), request,
                    [domain = domain_, given, request](const Caller& caller, const auto& pending) {
                        const auto beyond = caller.uid == 0 ? std::nullopt : neededBeyond(request, *given);
                        if (!beyond) {
                            define(domain, given, pending);
                            return;
                        }
                        decide(domain, caller, *beyond, [domain, given, pending](const Decision& decision) {
                            pending.attempt([&] {
                                if (!decision.allowed) {
                                    throw Fault(FaultKind::notPermitted, decision.why);
                                }
                                define(domain, given, pending);
                            });
                        });
                    });
}

void ManagerObject::Verify(sdbus::Result<std::string, std::vector<std::string>>&& result, std::string text,
                           std::string origin) {
    authorisedLater(domain_, getObject(), std::move(result), {"Verify", Verb::create, {}},
                    [domain = domain_, text, origin](const Caller&, const auto& pending) {
                        domain.accounts.learn(adminsIn(text), [domain, text, origin, pending] {
                            pending.attempt([&] {
                                const std::string called = checkedOrigin(origin);
                                // The zone's own addresses do not stand in its way when its file is verified before it is put back.
                                const std::string self = store::parseDefinition(text, called).definition.zone;
                                const zone::Definition definition = domain.registry.check(text, called, self);
                                tellMissing(domain, definition,
                                            [pending, name = definition.zone](const std::vector<std::string>& missing) {
                                                pending.reply(name, missing);
                                            });
                            });
                        });
                    });
}

std::vector<ManagerObject::ImageRow> ManagerObject::ListImages() {
    return answer("ListImages", [&] {
        std::vector<ImageRow> rows;
        for (const store::ImageInfo& image : domain_.registry.images().list()) {
            rows.emplace_back(image.name, image.origin, image.osName, image.bytes, image.created,
                              domain_.registry.usersOf(image.name), sdbus::ObjectPath(api::imagePath(image.name)));
        }
        return rows;
    });
}

void ManagerObject::ImportImage(sdbus::Result<sdbus::ObjectPath>&& result, std::string name, sdbus::UnixFd archive,
                                std::string origin) {
    answer("ImportImage", [&] {
        if (sys::isNetworkSocket(archive.get())) {
            // not kept for the time that polkit takes: its sender could give it back the linger that was taken off
            throw Fault(FaultKind::invalidArgument, "the archive comes from a network socket; put a pipe between");
        }
    });
    const auto own = std::make_shared<sys::UniqueFd>(fcntl(archive.get(), F_DUPFD_CLOEXEC, 3));
    if (*own) {
        // sdbus-c++'s own copy would be inherited by the worker
        sys::setCloseOnExec(archive.get());
    }
    authorisedJob(domain_, getObject(), std::move(result), {"ImportImage", Verb::image, targetOf("image", name)},
                  [domain = domain_, name, own, origin] {
                      if (!*own) {
                          throw Fault(FaultKind::invalidArgument, "the archive's descriptor is not usable");
                      }
                      return domain.imageJobs.import(name, std::move(*own), origin);
                  });
}

void ManagerObject::BuildImage(sdbus::Result<sdbus::ObjectPath>&& result, std::string name, std::string suite,
                               std::map<std::string, sdbus::Variant> options) {
    authorisedJob(domain_, getObject(), std::move(result), {"BuildImage", Verb::image, targetOf("image", name)},
                  [domain = domain_, name, suite, options] {
                      Options given(options);
                      BuildOptions build;
                      build.suite = suite;
                      build.mirror = given.take<std::string>("mirror", "");
                      build.include = given.take<std::vector<std::string>>("include", {});
                      build.init = given.take<std::string>("init", build.init);
                      given.requireEmpty();
                      return domain.imageJobs.build(name, build);
                  });
}

void ManagerObject::Autoboot(sdbus::Result<sdbus::ObjectPath>&& result) {
    authorisedJob(domain_, getObject(), std::move(result), {"Autoboot", Verb::manage, {}},
                  [domain = domain_] { return domain.hostBoot.bootAll(); });
}

void ManagerObject::ShutdownAll(sdbus::Result<sdbus::ObjectPath>&& result) {
    authorisedJob(domain_, getObject(), std::move(result), {"ShutdownAll", Verb::manage, {}},
                  [domain = domain_] { return domain.hostBoot.shutdownAll(); });
}

void ManagerObject::Stat(sdbus::Result<Numbers, std::vector<StatRow>>&& result, std::vector<std::string> names) {
    // the collection ends in a later turn of the loop, or not at all: its functions are copied on the way
    const Pending<Numbers, std::vector<StatRow>> pending(std::move(result), "Stat", domain_.turnstile.ticket());
    pending.attempt([&] {
        domain_.statistics.collect(names, [pending](const Sample& sample) {
            std::vector<StatRow> rows;
            for (const ZoneSample& zone : sample.zones) {
                rows.emplace_back(zone.name, zone.state, zone.numbers);
            }
            pending.reply(sample.host, rows);
        });
    });
}

/// A job's end may be read by whoever asked for the job, and by whoever may read the details of what it was about.
void ManagerObject::GetJobEnd(sdbus::Result<std::string, std::string, std::string>&& result, std::uint32_t id) {
    const std::optional<PastJob> job = domain_.jobs.past(id);
    Request request{"GetJobEnd of job " + std::to_string(id), Verb::listDetails, {}};
    if (job && job->starter && job->starter->uid == callerOf(domain_, getObject()).uid) {
        request.verb = Verb::list; // his own
    } else if (job && job->info.hold.what != Held::host) {
        request.target = {job->info.hold.what == Held::zone ? "zone" : "image", job->info.hold.name};
    }
    authorised(domain_, getObject(), std::move(result), std::move(request), [job, id] {
        if (!job) {
            throw Fault(FaultKind::noSuchJob, sys::join("of job ", id, " no further words are known"));
        }
        const JobEnd& end = job->end;
        return std::tuple(std::string(end.result()), std::string(end.fault ? api::errorName(*end.fault) : ""),
                          end.text);
    });
}

std::vector<ManagerObject::JobRow> ManagerObject::ListJobs() {
    return answer("ListJobs", [&] {
        std::vector<JobRow> rows;
        for (const JobInfo& job : domain_.jobs.list()) {
            rows.emplace_back(job.id, job.kind, job.hold.name, job.progress, job.message, jobObject(job.id),
                              std::chrono::system_clock::to_time_t(job.began));
        }
        return rows;
    });
}

} // namespace zoned::daemon
