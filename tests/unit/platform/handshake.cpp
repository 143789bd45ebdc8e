#include "platform/handshake.hpp"

#include <fcntl.h>

#include "support/catch.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

using namespace zoned;
using namespace zoned::platform;

TEST_CASE("a message arrives with its words and descriptors") {
    auto [left, right] = sys::Channel::pair();
    const sys::UniqueFd null = sys::open("/dev/null", O_RDONLY);
    REQUIRE(sendMessage(left, "volume", {"/srv", "folder"}, {null.get()}));
    const Message message = receiveMessage(right, "volume", 1, "a volume");
    REQUIRE(message.words == std::vector<std::string>{"/srv", "folder"});
    REQUIRE(message.fds.size() == 1);
}

TEST_CASE("an error crosses the border whole") {
    auto [left, right] = sys::Channel::pair();
    sendMessage(left, "error", {"mounting /proc of the zone"}, {}, EPERM);
    try {
        (void)receiveMessage(right, "assembled", 2, "the zone's file systems");
        FAIL("the error was not thrown");
    } catch (const sys::Error& error) {
        REQUIRE(error.action() == "mounting /proc of the zone");
        REQUIRE(error.code() == EPERM);
    }
}

TEST_CASE("another message than the one awaited, or too few descriptors, is an error") {
    auto [left, right] = sys::Channel::pair();
    sendMessage(left, "go");
    REQUIRE_THROWS_AS(receiveMessage(right, "assembled", 0, "the answer"), sys::Error);
    sendMessage(left, "assembled");
    REQUIRE_THROWS_AS(receiveMessage(right, "assembled", 2, "the answer"), sys::Error);
    REQUIRE(left.send("not json"));
    REQUIRE_THROWS_AS(receiveMessage(right, "assembled", 0, "the answer"), sys::Error);
}

TEST_CASE("the end of the peer is told from its answer") {
    auto [left, right] = sys::Channel::pair();
    left.close();
    REQUIRE_THROWS_AS(receiveMessage(right, "assembled", 0, "the answer"), sys::Error);
    REQUIRE_NOTHROW(receiveEnd(right, "the end"));
}

TEST_CASE("a pending error is thrown, and nothing pending is waited for") {
    auto [left, right] = sys::Channel::pair();
    REQUIRE_NOTHROW(throwPendingError(right));
    sendMessage(left, "error", {"making the overlay"}, {}, EINVAL);
    REQUIRE_THROWS_AS(throwPendingError(right), sys::Error);
}
