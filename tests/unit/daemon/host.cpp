#include "host.hpp"

#include "image_jobs.hpp"
#include "support/catch.hpp"

using namespace zoned;

TEST_CASE("nameservers that listen on the host's loopback are of no use to a zone") {
    CHECK(daemon::reachableNameservers("# made by hand\nnameserver 127.0.0.53\nsearch example.org\n").empty());
    CHECK(daemon::reachableNameservers("nameserver ::1\nnameserver 192.0.2.1\nnameserver 192.0.2.1\n") ==
          std::vector<std::string>{"192.0.2.1"});
    CHECK(daemon::reachableNameservers("nameserver fe80::1%eth0\nnameserver 2001:db8::1\nnameserver\n") ==
          std::vector<std::string>{"2001:db8::1"});
}

TEST_CASE("random names are of the length asked for and differ") {
    CHECK(daemon::randomHex(16).size() == 32);
    CHECK(daemon::randomHex(16) != daemon::randomHex(16));
}

TEST_CASE("only what mmdebstrap should see reaches it") {
    daemon::BuildOptions good{"bookworm", "http://mirror.example/debian", {"less", "g++"}, "sysvinit"};
    CHECK_NOTHROW(daemon::checkBuildOptions(good));
    for (const char* suite : {"", "-x", "book worm", "../x", "Bookworm"}) {
        daemon::BuildOptions bad = good;
        bad.suite = suite;
        CHECK_THROWS_AS(daemon::checkBuildOptions(bad), zone::Fault);
    }
    for (const char* mirror : {"file:///etc", "http://", "http://a b", "copy:/x"}) {
        daemon::BuildOptions bad = good;
        bad.mirror = mirror;
        CHECK_THROWS_AS(daemon::checkBuildOptions(bad), zone::Fault);
    }
    for (const char* package : {"", "-o", "a,b", "x y", "./x"}) {
        daemon::BuildOptions bad = good;
        bad.include = {package};
        CHECK_THROWS_AS(daemon::checkBuildOptions(bad), zone::Fault);
    }
    daemon::BuildOptions bad = good;
    bad.init = "upstart";
    CHECK_THROWS_AS(daemon::checkBuildOptions(bad), zone::Fault);
}
