#include "sys/peer.hpp"

#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/test_folder.hpp"
#include "sys/channel.hpp"
#include "sys/file.hpp"

using namespace zoned;

namespace {

/// Whether a child that has done something to itself first is taken for our root.
template <typename Change>
bool isHeard(Change change) {
    const test::TestFolder folder;
    const std::string path = folder.path() + "/socket";
    const sys::UniqueFd listener = sys::Channel::listen(path);
    REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
    REQUIRE(::chmod(path.c_str(), 0666) == 0); // what counts is who he is, not whether he gets there
    sys::setNonBlocking(listener.get(), false);
    const timeval limit{10, 0};
    REQUIRE(::setsockopt(listener.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        try {
            change();
            auto channel = sys::Channel::connect(path);
            (void)channel.receive(); // until the other has looked
        } catch (...) {
        }
        ::_exit(0);
    }
    bool heard = false;
    {
        const auto channel = sys::Channel::accept(listener.get());
        CHECK(channel.has_value());
        heard = channel && sys::isPeerOurRoot(channel->fd());
    }
    (void)::waitpid(child, nullptr, 0);
    return heard;
}

} // namespace

TEST_CASE("root of our own namespaces is heard, and nobody else") {
    if (::geteuid() != 0) {
        std::fputs("skipped: needs root\n", stderr);
        return;
    }
    CHECK(isHeard([] {}));
    // the id map makes it root for us
    CHECK_FALSE(isHeard([] {
        sys::check(::unshare(CLONE_NEWUSER), "making a user namespace");
        sys::writeKernelFile("/proc/self/uid_map", "0 0 1");
    }));
    // as root of a zone without a user namespace
    CHECK_FALSE(isHeard([] {
        sys::check(::unshare(CLONE_NEWPID), "making a pid namespace");
        if (const pid_t inner = ::fork(); inner != 0) {
            (void)::waitpid(inner, nullptr, 0);
            ::_exit(0);
        }
    }));
    CHECK_FALSE(isHeard([] { sys::check(::seteuid(65534), "becoming nobody"); }));
}
