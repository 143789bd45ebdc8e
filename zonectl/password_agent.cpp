#include "password_agent.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>

#include "config.h"
#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::ctl {

namespace {

/// In the agent's process, the descriptor that it closes when polkit knows it.
constexpr int notifyFd = 3;
/// Registering takes milliseconds; a polkit that has to be started first takes longer.
constexpr int startMs = 10'000;
constexpr int endMs = 2'000;

/// False after the time, or where nothing can be waited for.
bool waitFor(int fd, int milliseconds) {
    pollfd polled{fd, POLLIN, 0};
    int ready = 0;
    do {
        ready = ::poll(&polled, 1, milliseconds);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/// A job in the background would be stopped by the terminal when it asks.
bool inForeground() {
    return ::tcgetpgrp(STDIN_FILENO) == ::getpgrp();
}

/// In the child: becomes the agent. What it has to say goes to the terminal; its complaints that polkit is not there
/// are for nobody, since the service's refusal says so.
int becomeAgent(int notify, pid_t parent) {
    sys::resetSignals();
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    const sys::UniqueFd null = sys::open("/dev/null", O_RDWR);
    if (::getppid() != parent || ::dup2(null.get(), STDOUT_FILENO) < 0 || ::dup2(null.get(), STDERR_FILENO) < 0) {
        return 127;
    }
    // dup2 to the same number would leave it to be closed on exec
    if (notify == notifyFd ? ::fcntl(notify, F_SETFD, 0) < 0 : ::dup2(notify, notifyFd) < 0) {
        return 127;
    }
    sys::closeOnExecFrom(notifyFd + 1);
    const std::string number = std::to_string(notifyFd);
    std::array<const char*, 5> argv{ZONED_PKTTYAGENT, "--notify-fd", number.c_str(), "--fallback", nullptr};
    ::execv(ZONED_PKTTYAGENT, const_cast<char* const*>(argv.data()));
    return 127;
}

} // namespace

PasswordAgent::PasswordAgent() {
    if (!sys::exists(ZONED_PKTTYAGENT) || !inForeground()) {
        return;
    }
    std::array<int, 2> ends{};
    sys::check(::pipe2(ends.data(), O_CLOEXEC), "making a pipe to ", ZONED_PKTTYAGENT);
    const sys::UniqueFd known(ends[0]);
    sys::UniqueFd notify(ends[1]);
    child_ = sys::cloneProcess({}, [&notify, parent = ::getpid()] { return becomeAgent(notify.get(), parent); });
    notify.reset();
    // the end of the pipe: it is known, or has ended
    (void)waitFor(known.get(), startMs);
}

PasswordAgent::~PasswordAgent() {
    if (child_.pid < 0) {
        return;
    }
    for (const int signal : {SIGTERM, SIGCONT}) { // it may be stopped
        (void)::kill(child_.pid, signal);
    }
    if (!waitFor(child_.pidfd.get(), endMs)) {
        (void)::kill(child_.pid, SIGKILL);
    }
    (void)sys::waitForChild(child_.pid);
}

} // namespace zoned::ctl
