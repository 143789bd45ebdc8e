#include "signals.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "sys/error.hpp"

namespace zoned::ctl {

Signals::Signals() {
    sigset_t taken;
    ::sigemptyset(&taken);
    for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP, SIGWINCH}) {
        ::sigaddset(&taken, signal);
    }
    sys::check(::sigprocmask(SIG_BLOCK, &taken, &before_), "blocking signals");
    fd_.reset(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd_) {
        ::sigprocmask(SIG_SETMASK, &before_, nullptr);
        sys::throwErrno("making a signal descriptor");
    }
}

Signals::~Signals() {
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<int> Signals::take() {
    signalfd_siginfo info{};
    const ssize_t got = ::read(fd_.get(), &info, sizeof info);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return std::nullopt;
    }
    sys::check(got, "reading a signal");
    return static_cast<int>(info.ssi_signo);
}

} // namespace zoned::ctl
