#include "sys/process.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "support/catch.hpp"
#include "sys/error.hpp"

using namespace zoned;

namespace {

int statusOf(const std::function<int()>& body) {
    const sys::Child child = sys::cloneProcess({}, body);
    return sys::waitForChild(child.pid);
}

} // namespace

TEST_CASE("a child ends with what its body returns") {
    REQUIRE(WEXITSTATUS(statusOf([] { return 7; })) == 7);
}

TEST_CASE("an exception does not leave the child") {
    REQUIRE(WEXITSTATUS(statusOf([]() -> int { throw std::runtime_error("lost"); })) == 127);
}

TEST_CASE("the pidfd reaches the child, and says when it is gone") {
    const sys::Child child = sys::cloneProcess({}, [] { return ::pause(); });
    REQUIRE(sys::signalProcess(child.pidfd.get(), SIGTERM));
    const int status = sys::waitForChild(child.pid);
    REQUIRE(WTERMSIG(status) == SIGTERM);
    REQUIRE_FALSE(sys::signalProcess(child.pidfd.get(), 0));
}

TEST_CASE("the ends of processes are told in words") {
    REQUIRE(sys::describeExit(statusOf([] { return 3; })) == "exited with status 3");
    REQUIRE(sys::describeExit(statusOf([] {
                ::raise(SIGKILL);
                return 0;
            })) == "was killed by signal 9 (Killed)");
}

TEST_CASE("a process that cannot be made says why") {
    REQUIRE_THROWS_AS(sys::cloneProcess({.flags = CLONE_NEWUSER | CLONE_FS}, [] { return 0; }), sys::Error);
}

TEST_CASE("signals and umask are back to what a program expects") {
    const int status = statusOf([] {
        sigset_t all;
        sigfillset(&all);
        ::sigprocmask(SIG_BLOCK, &all, nullptr);
        (void)::signal(SIGPIPE, SIG_IGN);
        ::umask(077);
        sys::resetSignalsAndUmask();
        sigset_t now;
        ::sigprocmask(SIG_SETMASK, nullptr, &now);
        struct sigaction pipe {};
        ::sigaction(SIGPIPE, nullptr, &pipe);
        const bool none = sigisemptyset(&now) == 1;
        return none && pipe.sa_handler == SIG_DFL && ::umask(0) == 022 ? 0 : 1;
    });
    REQUIRE(WEXITSTATUS(status) == 0);
}

TEST_CASE("descriptors are marked to be closed at exec") {
    const int status = statusOf([] {
        const int fd = ::open("/dev/null", O_RDONLY);
        sys::closeOnExecFrom(3);
        return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 ? 0 : 1;
    });
    REQUIRE(WEXITSTATUS(status) == 0);
}
