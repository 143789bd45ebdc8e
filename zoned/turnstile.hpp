// What callers who are not root may cost, before anybody has judged their calls: the bus's policy lets every user of the
// host send any call, at any rate, of any size that the bus takes (32 MiB).
//
// Each call passes here before anything is read of it. It is turned away where it is larger than any request of ours can
// be, where its user has too much under way already (answers that are still owed, with what the calls brought: polkit
// may think about each for two minutes), and where calls of his that nobody has let him make have taken more than their
// share of the loop's time. A refusal costs microseconds, so that those of root and of everybody else are answered soon.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>

namespace zoned::daemon {

class Turnstile {
public:
    using Clock = std::chrono::steady_clock;

    struct Limits {
        std::size_t callBytes = 256 * 1024; // of one call, of root's too: a text and the settings have 64 KiB each
        std::size_t calls = 64;             // of one user under way
        std::size_t bytes = 1024 * 1024;    // that they brought
        Clock::duration burst = std::chrono::milliseconds(500);
        int share = 4; // a user's calls may take the loop's time divided by this, beyond the burst
    };

    Turnstile() = default;
    explicit Turnstile(const Limits& limits) : limits_(limits) {}

    /// Why a call, of root's too, is not even looked at; "" where it is. More bytes than the limit need not be counted.
    [[nodiscard]] std::string tooLarge(std::size_t bytes) const;
    /// Why no call of the user's is looked at now; "" where one is.
    [[nodiscard]] std::string tooBusyFor(uid_t uid, Clock::time_point now);
    /// What a call has cost that was not let in.
    void charge(uid_t uid, Clock::duration cost, Clock::time_point now);
    /// Why the call is turned away; "" where it goes in, and then leave() is to follow.
    /// @param uid -1: not known
    [[nodiscard]] std::string enter(uid_t uid, std::size_t bytes, Clock::time_point now);
    /// The handler of the call has returned; the answer may be owed still.
    void leave(Clock::time_point now);

    /// The call that is inside is under way for as long as the ticket lives. Null where none is, or root's.
    [[nodiscard]] std::shared_ptr<const void> ticket();
    /// The policy lets the call that is inside be made: what it costs is not held against its user.
    void allowed() noexcept { charged_ = false; }

    [[nodiscard]] const Limits& limits() const noexcept { return limits_; }

private:
    struct User {
        std::size_t calls = 0;
        std::size_t bytes = 0;
        Clock::duration spent{}; // of the burst
        Clock::time_point at;    // when that was worked out
    };
    [[nodiscard]] User& userAt(uid_t uid, Clock::time_point now);
    void forgetTheQuiet(Clock::time_point now);
    void settleAccount(User& user, Clock::time_point now) const;

    Limits limits_;
    std::map<uid_t, std::shared_ptr<User>> users_; // a ticket may outlive the turnstile
    std::shared_ptr<User> inside_;
    std::size_t bytesInside_ = 0;
    Clock::time_point entered_;
    bool charged_ = false;
};

} // namespace zoned::daemon
