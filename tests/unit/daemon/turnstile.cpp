#include "turnstile.hpp"

#include <optional>
#include <vector>

#include "support/catch.hpp"

using namespace std::chrono_literals;
using zoned::daemon::Turnstile;

namespace {

constexpr uid_t alice = 1000;
constexpr uid_t bob = 1001;

struct Door {
    Turnstile turnstile{{100, 3, 200, 100ms, 4}};
    Turnstile::Clock::time_point now{};

    /// A call whose handler takes `lasts`; with its ticket where it is let in.
    std::optional<std::shared_ptr<const void>> call(uid_t uid, std::size_t bytes, std::chrono::milliseconds lasts = 0ms,
                                                    bool allowed = false) {
        if (!turnstile.enter(uid, bytes, now).empty()) {
            return std::nullopt;
        }
        auto ticket = turnstile.ticket();
        if (allowed) {
            turnstile.allowed();
        }
        now += lasts;
        turnstile.leave(now);
        return ticket;
    }
};

} // namespace

TEST_CASE("a call of anybody is not looked at where it is too large") {
    const Door door;
    REQUIRE(door.turnstile.tooLarge(100).empty());
    REQUIRE_FALSE(door.turnstile.tooLarge(101).empty());
}

TEST_CASE("a user has a bounded number of calls under way, and others theirs") {
    Door door;
    std::vector<std::optional<std::shared_ptr<const void>>> held;
    for (int i = 0; i < 3; ++i) {
        held.push_back(door.call(alice, 1));
        REQUIRE(held.back());
    }
    REQUIRE_FALSE(door.call(alice, 1));
    REQUIRE(door.call(bob, 1));
    held.pop_back();
    REQUIRE(door.call(alice, 1));
}

TEST_CASE("a user has a bounded number of bytes under way") {
    Door door;
    const auto first = door.call(alice, 100);
    auto second = door.call(alice, 100);
    REQUIRE(second);
    REQUIRE_FALSE(door.call(alice, 1));
    second.reset();
    REQUIRE(door.call(alice, 100));
}

TEST_CASE("a call that is answered by its handler is not under way any more") {
    Door door;
    for (int i = 0; i < 10; ++i) {
        REQUIRE(door.call(alice, 100)); // its ticket is given back at once
    }
}

TEST_CASE("who has had more than his share of the time waits for a while") {
    Door door;
    REQUIRE(door.call(alice, 1, 200ms)); // of which 50 are his share
    REQUIRE_FALSE(door.call(alice, 1));
    REQUIRE(door.call(bob, 1));
    door.now += 204ms;
    REQUIRE(door.call(alice, 1, 400ms));
    door.now += 1000ms;
    REQUIRE_FALSE(door.call(alice, 1));
    door.now += 300ms;
    REQUIRE(door.call(alice, 1));
}

TEST_CASE("what the policy lets a user do is not held against him") {
    Door door;
    for (int i = 0; i < 10; ++i) {
        REQUIRE(door.call(alice, 1, 1000ms, true));
    }
    REQUIRE(door.call(alice, 1, 200ms)); // of which 50 are his share
    REQUIRE_FALSE(door.call(alice, 1));
}

TEST_CASE("root is never turned away and has no ticket") {
    Door door;
    for (int i = 0; i < 10; ++i) {
        const auto ticket = door.call(0, 100, 1000ms);
        REQUIRE(ticket);
        REQUIRE(*ticket == nullptr);
    }
}

TEST_CASE("a ticket may outlive the turnstile") {
    std::shared_ptr<const void> ticket;
    {
        Door door;
        ticket = *door.call(alice, 100);
    }
    REQUIRE(ticket != nullptr);
    ticket.reset();
}

TEST_CASE("users who are quiet are forgotten, and nobody else") {
    Door door;
    const auto held = door.call(alice, 100);
    const auto more = door.call(alice, 100);
    for (uid_t uid = 5000; uid < 6000; ++uid) {
        REQUIRE(door.call(uid, 1));
    }
    REQUIRE_FALSE(door.call(alice, 1));
}

TEST_CASE("what a call has cost that was not let in is held against its user") {
    Door door;
    door.turnstile.charge(alice, 101ms, door.now);
    REQUIRE_FALSE(door.turnstile.tooBusyFor(alice, door.now).empty());
    REQUIRE_FALSE(door.call(alice, 1));
    REQUIRE(door.turnstile.tooBusyFor(bob, door.now).empty());
    door.turnstile.charge(0, 1000ms, door.now);
    REQUIRE(door.turnstile.tooBusyFor(0, door.now).empty());
    REQUIRE(door.turnstile.tooBusyFor(alice, door.now + 4ms).empty());
}
