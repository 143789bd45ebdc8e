#include "sys/process.hpp"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "support/catch.hpp"
#include "sys/channel.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/idmap.hpp"
#include "sys/namespaces.hpp"

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

TEST_CASE("namespaces belong to the user that they are made for, and the caller stays root") {
    if (::geteuid() != 0) {
        return;
    }
    constexpr uid_t owner = 3000 * 65536U;
    const auto status = [] {
        const std::string all = sys::readFile("/proc/self/status").value_or("");
        return all.substr(all.find("Uid:"), all.find("Groups:") - all.find("Uid:")) +
               all.substr(all.find("CapInh:"), all.find("CapBnd:") - all.find("CapInh:"));
    };
    const int dumpable = ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    const std::string was = status();
    const sys::Child child =
        sys::cloneProcess({.flags = CLONE_NEWUSER | CLONE_NEWNS, .owner = owner}, [] { return ::pause(); });
    REQUIRE(status() == was);
    REQUIRE(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == dumpable);
    const sys::UniqueFd userns = sys::userNamespaceOf(child.pid);
    uid_t found = 0;
    REQUIRE(::ioctl(userns.get(), NS_GET_OWNER_UID, &found) == 0);
    REQUIRE(found == owner);
    const sys::UniqueFd mounts = sys::open("/proc/" + std::to_string(child.pid) + "/ns/mnt", O_RDONLY);
    const sys::UniqueFd above(::ioctl(mounts.get(), NS_GET_USERNS));
    REQUIRE(::ioctl(above.get(), NS_GET_OWNER_UID, &found) == 0);
    REQUIRE(found == owner);
    REQUIRE(sys::signalProcess(child.pidfd.get(), SIGKILL));
    sys::waitForChild(child.pid);
}

TEST_CASE("a process made for another user is not dumpable, and its real and saved ids are the maker's") {
    if (::geteuid() != 0) {
        return;
    }
    const sys::Child child = sys::cloneProcess({.flags = 0, .owner = 3000 * 65536U}, [] {
        uid_t real = 1;
        uid_t effective = 0;
        uid_t saved = 1;
        (void)::getresuid(&real, &effective, &saved);
        return ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 && real == 0 && saved == 0 && effective != 0 ? 0 : 1;
    });
    REQUIRE(WEXITSTATUS(sys::waitForChild(child.pid)) == 0);
}

TEST_CASE("that a user has all namespaces it may have is told by the sysctl's name") {
    if (::geteuid() != 0) {
        return;
    }
    constexpr uid_t owner = 3001 * 65536U;
    auto [ours, theirs] = sys::Channel::pair();
    const sys::Child child = sys::cloneProcess({.flags = CLONE_NEWUSER, .owner = owner}, [&theirs = theirs] {
        (void)theirs.receive(); // the ids are mapped
        sys::check(::setresuid(0, 0, 0), "becoming root");
        sys::writeKernelFile("/proc/sys/user/max_user_namespaces", "0");
        try {
            (void)sys::cloneProcess({.flags = CLONE_NEWUSER}, [] { return 0; });
        } catch (const sys::Error& error) {
            return std::string_view(error.what()).find("user.max_user_namespaces") != std::string_view::npos ? 0 : 2;
        }
        return 3;
    });
    sys::writeIdMaps(child.pid, owner);
    ours.send("go");
    REQUIRE(WEXITSTATUS(sys::waitForChild(child.pid)) == 0);
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
