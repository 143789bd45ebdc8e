#include "image_job.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clocale>
#include <csignal>
#include <nlohmann/json.hpp>

#include "finish_root.hpp"
#include "import_notes.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "unpack.hpp"

namespace zoned::worker {

namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

// ---- inside the sandbox -------------------------------------------------------------------------------------------

void tell(sys::Channel& channel, const json& message) {
    if (!channel.send(message.dump(-1, ' ', false, json::error_handler_t::replace))) {
        ::_exit(1); // nobody is left to work for
    }
}

void tellFault(const std::exception& fault, sys::Channel& channel) {
    FailureKind kind = FailureKind::failed;
    std::string sentence = fault.what();
    if (const auto* failure = dynamic_cast<const Failure*>(&fault)) {
        kind = failure->kind();
    } else if (dynamic_cast<const std::bad_alloc*>(&fault) != nullptr) {
        sentence = "unpacking the archive takes more memory than is allowed";
    }
    tell(channel, {{"error", sentence}, {"kind", static_cast<int>(kind)}});
}

/// The size of the input where it is a file, for the share that is done.
std::uint64_t inputSize() {
    struct stat info {};
    return ::fstat(STDIN_FILENO, &info) == 0 && S_ISREG(info.st_mode) ? static_cast<std::uint64_t>(info.st_size) : 0;
}

void unpackAndFinish(const ImageOptions& options, int top, sys::Channel& channel) {
    const std::uint64_t size = inputSize();
    Clock::time_point next{};
    const Unpacked unpacked =
        unpack(STDIN_FILENO, top, options.budget, [&](std::uint64_t consumed, const std::string& /*entry*/) {
            const Clock::time_point now = Clock::now();
            if (now < next) {
                return;
            }
            next = now + std::chrono::milliseconds(100);
            const double share = size == 0 ? -1.0 : static_cast<double>(consumed) / static_cast<double>(size);
            tell(channel, {{"progress", share}, {"message", "unpacking"}}); // everybody hears it: no names
        });
    const sys::UniqueFd folder = openRoot(top, unpacked.layout);
    const int root = folder.get();
    const Identity identity = forgetIdentity(root);
    if (options.bootstrap) {
        forgetDefaultTimeZone(root);
    }
    if (options.bootstrap &&
        (options.bootstrap->init == InitKind::sysvinit || options.bootstrap->init == InitKind::openrc)) {
        useConsoleGetty(root);
    }
    const std::string osName = readOsName(root);
    // the image is renamed into place after this: then all of it must be on the disk
    sys::check(::syncfs(root), "writing the image to the disk");
    tell(channel, {{"bytes", unpacked.bytes},
                   {"files", unpacked.files},
                   {"osName", osName},
                   {"folder", unpacked.layout.folder},
                   {"notes", importNotes(unpacked, identity, lookAtInit(root))}});
}

// ---- outside ------------------------------------------------------------------------------------------------------

/// What a sandbox that an archive has taken over might send is still only numbers and text.
std::string textOf(const json& message, const char* key) {
    const auto found = message.find(key);
    return found != message.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t numberOf(const json& message, const char* key) {
    const auto found = message.find(key);
    return found != message.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::vector<std::string> notesOf(const json& message) {
    constexpr std::size_t most = 20;
    std::vector<std::string> notes;
    const auto found = message.find("notes");
    if (found != message.end() && found->is_array()) {
        for (const json& note : *found) {
            if (note.is_string() && notes.size() < most) {
                notes.push_back(printable(note.get<std::string>(), 1000));
            }
        }
    }
    return notes;
}

/// The root was unpacked in a folder of the archive's: it becomes the image's root, and the rest goes. Outside the
/// sandbox, because what is the root there cannot be moved.
void hoist(const std::string& rootfs, const std::string& folder) {
    if (!isPlainPath(folder)) {
        throw Failure(FailureKind::badArchive, "unpacking the archive went astray");
    }
    const std::string unpacked = rootfs.substr(0, rootfs.rfind('/')) + "/unpacked";
    sys::check(::rename(rootfs.c_str(), unpacked.c_str()), "moving ", rootfs);
    const sys::UniqueFd top = sys::openDirectory(unpacked);
    const std::size_t slash = folder.rfind('/');
    const sys::UniqueFd parent = sys::openBeneath(top.get(), slash == std::string::npos ? "." : folder.substr(0, slash),
                                                  O_PATH, sys::FileType::directory);
    const std::string name = folder.substr(slash + 1); // of npos, too
    struct stat info {};
    if (::fstatat(parent.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(info.st_mode)) {
        throw Failure(FailureKind::badArchive, "unpacking the archive went astray");
    }
    sys::check(::renameat(parent.get(), name.c_str(), AT_FDCWD, rootfs.c_str()), "moving ", printable(folder), " to ",
               rootfs);
    sys::removeTree(unpacked);
    const sys::UniqueFd staging = sys::open(rootfs.substr(0, rootfs.rfind('/')), O_RDONLY | O_DIRECTORY);
    sys::check(::syncfs(staging.get()), "writing the image to the disk");
}

FailureKind kindOf(const json& message) {
    switch (numberOf(message, "kind")) {
    case static_cast<int>(FailureKind::badArchive):
        return FailureKind::badArchive;
    case static_cast<int>(FailureKind::truncated):
        return FailureKind::truncated;
    default:
        return FailureKind::failed;
    }
}

std::pair<sys::UniqueFd, sys::UniqueFd> makePipe() {
    int ends[2];
    sys::check(::pipe2(ends, O_CLOEXEC), "making a pipe");
    return {sys::UniqueFd(ends[0]), sys::UniqueFd(ends[1])};
}

} // namespace

ImageJob::ImageJob(ImageOptions options, Report& report) : options_(std::move(options)), report_(report) {
    // libarchive turns the UTF-8 names of PAX headers into the locale's; set before the sandbox has no locales left
    if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) {
        throw Failure(FailureKind::failed, "this machine has no C.UTF-8 locale, which reading archives needs");
    }
    if (options_.bootstrap) {
        checkBootstrap(*options_.bootstrap);
    }
    const auto cancel = [this] {
        stop(FailureKind::cancelled, options_.bootstrap ? "the build was cancelled" : "the import was cancelled");
    };
    terminate_ = loop_.onSignal(SIGTERM, cancel);
    interrupt_ = loop_.onSignal(SIGINT, cancel);
    hangup_ = loop_.onSignal(SIGHUP, cancel);
    deadline_ = loop_.after(options_.maxTime, [this] {
        stop(FailureKind::failed, sys::join("it took longer than the ", options_.maxTime.count(), " s allowed"));
    });
}

ImageJob::~ImageJob() {
    killChildren();
    // a run that ended by an exception has not waited for them
    if (unpacking_) {
        sys::waitForChild(unpacker_.child.pid);
    }
    if (building_) {
        sys::waitForChild(builder_.pid);
    }
    if (!scratch_.empty()) {
        try {
            sys::removeTree(scratch_);
        } catch (const std::exception&) {
            // it lies in the staging folder, which the caller removes
        }
    }
}

ImageResult ImageJob::run() {
    if (options_.bootstrap) {
        startBuilding();
    } else {
        startUnpacking(STDIN_FILENO);
    }
    loop_.run();
    ImageResult result = verdict();
    if (!folder_.empty()) {
        hoist(options_.rootfs, folder_);
    }
    return result;
}

void ImageJob::startUnpacking(int input) {
    const SandboxOptions sandbox{.folder = options_.rootfs,
                                 .idBase = options_.idBase,
                                 .maxSeconds = static_cast<std::uint64_t>(options_.maxTime.count()),
                                 .input = input};
    unpacker_ = startSandbox(
        sandbox, [this](int root, sys::Channel& channel) { unpackAndFinish(options_, root, channel); }, &tellFault);
    unpacking_ = true;
    unpackMessages_ = loop_.watch(unpacker_.channel.fd(), EPOLLIN, [this](std::uint32_t) { onUnpackMessage(); });
    unpackExit_ = loop_.onExit(unpacker_.child.pid, [this](int status) { onUnpackExit(status); });
}

void ImageJob::startBuilding() {
    // beside the root, in the caller's staging folder: whatever happens, it goes away with that
    const std::string scratch = options_.rootfs.substr(0, options_.rootfs.rfind('/')) + "/tmp";
    sys::makeDirectories(scratch, 0755);
    scratch_ = scratch;
    auto [archive, archiveWriter] = makePipe();
    auto [messages, messagesWriter] = makePipe();
    builder_ = startBootstrap(*options_.bootstrap, scratch_, archiveWriter.get(), messagesWriter.get());
    building_ = true;
    archiveWriter.reset();
    messagesWriter.reset();
    buildPipe_ = std::move(messages);
    sys::setNonBlocking(buildPipe_.get());
    startUnpacking(archive.get());
    buildOutput_ = loop_.watch(buildPipe_.get(), EPOLLIN, [this](std::uint32_t) { onBuildMessage(); });
    buildExit_ = loop_.onExit(builder_.pid, [this](int status) { onBuildExit(status); });
}

void ImageJob::onUnpackMessage() {
    const std::optional<sys::Packet> packet = unpacker_.channel.receive();
    if (!packet) {
        unpackMessages_.reset();
        return;
    }
    const json message = json::parse(packet->data, nullptr, false);
    if (!message.is_object()) {
        unpackFailure_.emplace(FailureKind::badArchive, "unpacking the archive went astray");
        return killChildren();
    }
    if (const auto progress = message.find("progress"); progress != message.end() && progress->is_number()) {
        // what mmdebstrap writes is unpacked while it writes: the last part of the build
        report_.progress(building_ ? buildMessages_.fraction() : progress->get<double>(), textOf(message, "message"));
    } else if (message.contains("error")) {
        unpackFailure_.emplace(kindOf(message), printable(textOf(message, "error"), 1000));
    } else if (!unpackFailure_) {
        result_ = ImageResult{.bytes = numberOf(message, "bytes"),
                              .files = numberOf(message, "files"),
                              .osName = printable(textOf(message, "osName")),
                              .notes = notesOf(message)};
        folder_ = textOf(message, "folder");
    }
}

void ImageJob::onUnpackExit(int status) {
    unpacking_ = false;
    while (unpackMessages_) {
        onUnpackMessage(); // what it said last; its end of the channel is closed, so this ends
    }
    if (status != 0 && !unpackFailure_) {
        unpackFailure_.emplace(FailureKind::failed,
                               sys::join("the process that unpacks the archive ", sys::describeExit(status)));
    }
    if (building_ && unpackFailure_) {
        // where the stream just ended, mmdebstrap is about to say why
        const auto patience = std::chrono::seconds(unpackFailure_->kind() == FailureKind::truncated ? 10 : 0);
        grace_ = loop_.after(patience, [this] { killChildren(); });
    }
    quitIfDone();
}

void ImageJob::onBuildMessage() {
    char block[4096];
    ssize_t got = 0;
    while ((got = ::read(buildPipe_.get(), block, sizeof block)) > 0) {
        if (const auto step = buildMessages_.feed({block, static_cast<std::size_t>(got)})) {
            report_.progress(step->fraction, step->message);
        }
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        buildOutput_.reset();
    }
}

void ImageJob::onBuildExit(int status) {
    building_ = false;
    if (buildOutput_) {
        onBuildMessage();
    }
    if (status != 0 && !killed_) {
        buildFailure_ = buildMessages_.reason(*options_.bootstrap, status);
    }
    quitIfDone();
}

void ImageJob::stop(FailureKind kind, const std::string& sentence) {
    if (!stopped_) {
        stopped_.emplace(kind, sentence);
    }
    killChildren();
    quitIfDone();
}

/// Both are first processes of pid namespaces: the kernel ends everything they started before they are reaped.
void ImageJob::killChildren() noexcept {
    killed_ = true;
    try {
        if (building_) {
            sys::signalProcess(builder_.pidfd.get(), SIGKILL);
        }
        if (unpacking_) {
            sys::signalProcess(unpacker_.child.pidfd.get(), SIGKILL);
        }
    } catch (const std::exception&) {
        // SIGKILL to one's own child cannot be refused
    }
}

void ImageJob::quitIfDone() {
    if (!unpacking_ && !building_) {
        loop_.quit();
    }
}

ImageResult ImageJob::verdict() const {
    if (stopped_) {
        throw Failure(*stopped_);
    }
    if (buildFailure_ && (!unpackFailure_ || unpackFailure_->kind() == FailureKind::truncated)) {
        throw Failure(FailureKind::failed, *buildFailure_);
    }
    if (unpackFailure_) {
        throw Failure(*unpackFailure_);
    }
    if (!result_) {
        throw Failure(FailureKind::failed, "the process that unpacks the archive ended without a word");
    }
    return *result_;
}

} // namespace zoned::worker
