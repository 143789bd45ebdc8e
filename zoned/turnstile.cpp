#include "turnstile.hpp"

#include <algorithm>

#include "sys/error.hpp"

namespace zoned::daemon {
namespace {

// Beyond so many users, those who have nothing under way are forgotten.
constexpr std::size_t maxQuiet = 64;

std::string nameOf(uid_t uid) {
    return uid == static_cast<uid_t>(-1) ? "whoever calls" : sys::join("user ", uid);
}

} // namespace

/// Time passes, and pays off what was spent.
void Turnstile::settleAccount(User& user, Clock::time_point now) const {
    user.spent = std::max(Clock::duration::zero(), user.spent - (now - user.at) / limits_.share);
    user.at = now;
}

void Turnstile::forgetTheQuiet(Clock::time_point now) {
    std::erase_if(users_, [&](const auto& entry) {
        settleAccount(*entry.second, now);
        return entry.second->calls == 0 && entry.second->spent == Clock::duration::zero();
    });
}

Turnstile::User& Turnstile::userAt(uid_t uid, Clock::time_point now) {
    if (users_.size() >= maxQuiet && !users_.contains(uid)) {
        forgetTheQuiet(now);
    }
    std::shared_ptr<User>& user = users_[uid];
    if (!user) {
        user = std::make_shared<User>();
        user->at = now;
    }
    settleAccount(*user, now);
    return *user;
}

std::string Turnstile::tooLarge(std::size_t bytes) const {
    return bytes <= limits_.callBytes
               ? ""
               : sys::join("the call is larger than ", limits_.callBytes / 1024, " KiB; no request of this service is");
}

std::string Turnstile::tooBusyFor(uid_t uid, Clock::time_point now) {
    if (uid == 0 || userAt(uid, now).spent <= limits_.burst) {
        return "";
    }
    return nameOf(uid) + " keeps the service busy with calls; try again in a while";
}

void Turnstile::charge(uid_t uid, Clock::duration cost, Clock::time_point now) {
    if (uid != 0) {
        userAt(uid, now).spent += cost;
    }
}

std::string Turnstile::enter(uid_t uid, std::size_t bytes, Clock::time_point now) {
    if (uid == 0) {
        return "";
    }
    if (const std::string why = tooBusyFor(uid, now); !why.empty()) {
        return why;
    }
    const User& user = userAt(uid, now);
    if (user.calls >= limits_.calls || user.bytes + bytes > limits_.bytes) {
        return sys::join(nameOf(uid), " has ", user.calls, " requests with ", user.bytes,
                         " bytes under way, and may not have more; wait for an answer");
    }
    inside_ = users_.at(uid);
    bytesInside_ = bytes;
    entered_ = now;
    charged_ = true;
    return "";
}

void Turnstile::leave(Clock::time_point now) {
    if (inside_ && charged_) {
        inside_->spent += now - entered_;
    }
    inside_.reset();
}

std::shared_ptr<const void> Turnstile::ticket() {
    if (!inside_) {
        return nullptr;
    }
    struct Ticket {
        std::shared_ptr<User> user;
        std::size_t bytes;
        Ticket(std::shared_ptr<User> whose, std::size_t brought) : user(std::move(whose)), bytes(brought) {
            ++user->calls;
            user->bytes += bytes;
        }
        ~Ticket() {
            --user->calls;
            user->bytes -= bytes;
        }
        Ticket(const Ticket&) = delete;
        Ticket& operator=(const Ticket&) = delete;
    };
    return std::make_shared<Ticket>(inside_, bytesInside_);
}

} // namespace zoned::daemon
