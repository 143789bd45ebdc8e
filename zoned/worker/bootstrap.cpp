#include "bootstrap.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>

#include "failure.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/mount.hpp"

namespace zoned::worker {

namespace {

constexpr std::array searchPath = {"/usr/local/bin/", "/usr/bin/", "/bin/"};
constexpr std::size_t maxLine = 4096;
constexpr std::size_t maxErrors = 3;

bool lowerOrDigit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

[[noreturn]] void refuse(std::string_view what, const std::string& value, std::string_view rule) {
    throw Failure(FailureKind::failed, sys::join(what, " '", printable(value), "' is not valid: ", rule));
}

/// Packages that make the minimal system one that boots, can be reached and logged into.
std::vector<std::string> packagesFor(InitKind init) {
    switch (init) {
    case InitKind::systemd:
        return {"systemd-sysv", "dbus", "iproute2", "iputils-ping", "login", "passwd"};
    case InitKind::sysvinit:
        return {"sysvinit-core", "iproute2", "iputils-ping", "login", "passwd"};
    case InitKind::openrc:
        return {"openrc", "sysvinit-core", "iproute2", "iputils-ping", "login", "passwd"};
    case InitKind::none:
        break;
    }
    return {};
}

std::vector<std::string> bootstrapEnvironment(const std::string& scratch) {
    std::vector<std::string> environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                            "LANG=C.UTF-8", "HOME=/root", "DEBIAN_FRONTEND=noninteractive",
                                            "TMPDIR=" + scratch};
    for (const char* name : {"http_proxy", "https_proxy", "no_proxy"}) {
        if (const char* value = std::getenv(name); value != nullptr) {
            environment.push_back(sys::join(name, "=", value));
        }
    }
    return environment;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> list;
    list.reserve(words.size() + 1);
    for (std::string& word : words) {
        list.push_back(word.data());
    }
    list.push_back(nullptr);
    return list;
}

void complain(const std::exception& fault) {
    try {
        sys::writeAll(STDERR_FILENO, sys::join("E: ", fault.what(), "\n"), "the reason");
    } catch (const std::exception&) {
        // the worker is gone; the exit status says enough
    }
}

int execute(std::vector<std::string> command, std::vector<std::string> environment, int output) {
    sys::check(::dup2(output, STDOUT_FILENO), "placing mmdebstrap's output");
    sys::closeOnExecFrom(3);
    ::execve(command.front().c_str(), pointers(command).data(), pointers(environment).data());
    sys::throwErrno("executing ", command.front());
}

/// The work folder lies where only root may go. apt downloads as a user of its own only if that one can reach the
/// place, so it is shown, in this mount namespace, at one that all can reach and no package mirror lies in.
std::string showScratch(const std::string& scratch) {
    constexpr const char* place = "/dev/shm";
    if (!sys::exists(place)) {
        return scratch;
    }
    const sys::UniqueFd mount = sys::cloneMount(scratch);
    sys::attachMount(mount.get(), sys::openDirectory(place).get(), "mmdebstrap's work folder");
    return place;
}

/// The first process of mmdebstrap's pid namespace: reaps, and ends as mmdebstrap does.
int bootstrapInit(const std::string& program, const BootstrapOptions& options, const std::string& scratch, int output,
                  int messages) {
    sys::resetSignalsAndUmask();
    sys::check(::prctl(PR_SET_PDEATHSIG, SIGKILL), "tying mmdebstrap to the worker");
    const sys::UniqueFd null = sys::open("/dev/null", O_RDONLY);
    sys::check(::dup2(null.get(), STDIN_FILENO), "placing /dev/null");
    sys::check(::dup2(messages, STDERR_FILENO), "placing mmdebstrap's messages");
    try {
        sys::makeMountsPrivate();
        sys::check(::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr),
                   "mounting mmdebstrap's /proc");
        const std::string place = showScratch(scratch);
        std::vector<std::string> command = bootstrapCommand(options);
        command.front() = program;
        const sys::Child child = sys::cloneProcess({}, [&] {
            try {
                return execute(command, bootstrapEnvironment(place), output);
            } catch (const std::exception& fault) {
                complain(fault);
                return 127;
            }
        });
        // the pipe ends when mmdebstrap's own copies do
        sys::check(::close_range(STDERR_FILENO, ~0U, 0), "closing the init's descriptors");
        int status = 0;
        for (pid_t ended = 0; ended != child.pid;) {
            ended = ::waitpid(-1, &status, 0);
            if (ended < 0 && errno != EINTR) {
                return 126;
            }
        }
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    } catch (const std::exception& fault) {
        complain(fault);
        return 126;
    }
}

/// What mmdebstrap says about its own parts after one of them has said what is wrong.
bool isEcho(std::string_view text) {
    constexpr std::array<std::string_view, 5> echoes = {"mmdebstrap failed to run", "setup failed", "apt-get ",
                                                        "Some index files failed", "main() received signal"};
    return std::any_of(echoes.begin(), echoes.end(), [&](std::string_view echo) { return text.starts_with(echo); });
}

struct Phase {
    std::string_view message;
    double fraction;
};

/// mmdebstrap tells no percentage off a terminal; these are the shares of time of a build on an ordinary line.
constexpr std::array<Phase, 7> phases = {{{"running apt-get update", 0.02},
                                          {"downloading packages", 0.12},
                                          {"extracting archives", 0.35},
                                          {"installing essential packages", 0.45},
                                          {"installing remaining packages", 0.65},
                                          {"cleaning package lists", 0.85},
                                          {"creating tarball", 0.88}}};

} // namespace

void checkSuite(const std::string& suite) {
    const bool plain =
        std::all_of(suite.begin(), suite.end(), [](char c) { return lowerOrDigit(c) || c == '.' || c == '-'; });
    if (suite.empty() || suite.size() > 64 || suite.front() == '-' || suite.front() == '.' || !plain) {
        refuse("the suite", suite, "a name such as bookworm or trixie");
    }
}

void checkMirror(const std::string& mirror) {
    constexpr std::array<std::string_view, 4> schemes = {"http://", "https://", "file:///", "copy:///"};
    const bool known = std::any_of(schemes.begin(), schemes.end(), [&](std::string_view scheme) {
        return mirror.starts_with(scheme) && mirror.size() > scheme.size();
    });
    // brackets and quotes mean something in a line of sources.list
    const bool plain = std::all_of(mirror.begin(), mirror.end(), [](char c) {
        return c > ' ' && c < 0x7F && c != '[' && c != ']' && c != '"' && c != '\'' && c != '\\';
    });
    if (!known || !plain || mirror.size() > 1024) {
        refuse("the mirror", mirror, "a URL starting with http://, https://, file:/// or copy:///, without spaces");
    }
}

void checkPackage(const std::string& package) {
    const std::size_t colon = package.find(':');
    const std::string name = package.substr(0, colon);
    const std::string architecture = colon == std::string::npos ? "any" : package.substr(colon + 1);
    const bool plainName = std::all_of(name.begin(), name.end(),
                                       [](char c) { return lowerOrDigit(c) || c == '+' || c == '.' || c == '-'; });
    const bool plainArchitecture =
        std::all_of(architecture.begin(), architecture.end(), [](char c) { return lowerOrDigit(c) || c == '-'; });
    // apt reads NAME- as a wish to remove; NAME+ is no danger, and g++ a package
    if (name.size() < 2 || name.size() > 128 || !lowerOrDigit(name.front()) || !plainName || name.back() == '-' ||
        architecture.empty() || architecture.front() == '-' || !plainArchitecture) {
        refuse("the package name", package, "lower-case letters, digits and + - . are possible");
    }
}

void checkBootstrap(const BootstrapOptions& options) {
    checkSuite(options.suite);
    if (!options.mirror.empty()) {
        checkMirror(options.mirror);
    }
    for (const std::string& package : options.include) {
        checkPackage(package);
    }
}

std::string findMmdebstrap() {
    for (const char* folder : searchPath) {
        const std::string path = sys::join(folder, "mmdebstrap");
        if (::access(path.c_str(), X_OK) == 0) {
            return path;
        }
    }
    throw Failure(FailureKind::failed, "building an image needs mmdebstrap, which is not installed here: "
                                       "apt install mmdebstrap");
}

std::vector<std::string> bootstrapCommand(const BootstrapOptions& options) {
    std::vector<std::string> packages = packagesFor(options.init);
    packages.insert(packages.end(), options.include.begin(), options.include.end());
    std::vector<std::string> command = {"mmdebstrap", "--mode=root", "--variant=minbase", "--format=tar"};
    if (!packages.empty()) {
        std::string list;
        for (const std::string& package : packages) {
            list += (list.empty() ? "" : ",") + package;
        }
        command.push_back("--include=" + list);
    }
    command.insert(command.end(), {"--", options.suite, "-"});
    if (!options.mirror.empty()) {
        command.push_back(options.mirror);
    }
    return command;
}

sys::Child startBootstrap(const BootstrapOptions& options, const std::string& scratch, int output, int messages) {
    checkBootstrap(options);
    const std::string program = findMmdebstrap();
    return sys::cloneProcess({.flags = CLONE_NEWPID | CLONE_NEWNS},
                             [&] { return bootstrapInit(program, options, scratch, output, messages); });
}

std::optional<BootstrapMessages::Step> BootstrapMessages::feed(std::string_view bytes) {
    std::optional<Step> last;
    for (const char c : bytes) {
        if (c != '\n') {
            if (partial_.size() < maxLine) {
                partial_ += c;
            }
            continue;
        }
        if (auto step = takeLine(partial_)) {
            last = std::move(step);
        }
        partial_.clear();
    }
    return last;
}

std::optional<BootstrapMessages::Step> BootstrapMessages::takeLine(std::string_view line) {
    if (line.starts_with("E: ")) {
        const std::string text = printable(line.substr(3), 400);
        if (text.find("does not have a Release file") != std::string::npos) {
            missingSuite_ = text;
        }
        if (errors_.size() < maxErrors && (errors_.empty() || !isEcho(text))) {
            errors_.push_back(text);
        }
        return std::nullopt;
    }
    if (!line.starts_with("I: ") || isEcho(line.substr(3))) {
        return std::nullopt;
    }
    line.remove_prefix(3);
    for (const Phase& phase : phases) {
        if (line.starts_with(phase.message)) {
            fraction_ = std::max(fraction_, phase.fraction);
        }
    }
    return Step{fraction_, printable(line)};
}

std::string BootstrapMessages::reason(const BootstrapOptions& options, int status) const {
    if (!missingSuite_.empty()) {
        return sys::join("the mirror has no suite '", options.suite, "': ", missingSuite_);
    }
    std::string text = sys::join("building from the suite '", options.suite, "' failed");
    if (errors_.empty()) {
        return sys::join(text, ": mmdebstrap ", sys::describeExit(status));
    }
    for (const std::string& error : errors_) {
        text += (&error == errors_.data() ? ": " : "; ") + error;
    }
    return text;
}

} // namespace zoned::worker
