#include "polkit.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include <spdlog/spdlog.h>

#include "border.hpp"
#include "sys/error.hpp"

namespace zoned::daemon {
namespace {

using namespace std::chrono_literals;

constexpr const char* polkitName = "org.freedesktop.PolicyKit1";
constexpr const char* polkitPath = "/org/freedesktop/PolicyKit1/Authority";
constexpr const char* polkitInterface = "org.freedesktop.PolicyKit1.Authority";

constexpr std::uint32_t allowUserInteraction = 1; // polkit's CheckAuthorizationFlags

// Rules are looked at in milliseconds; a polkit that has to be started first takes longer.
constexpr auto limit = 10s;
// A person has to find and type a password.
constexpr auto limitWithPerson = 120s;

// What one user may keep waiting; everyone else's questions are not held up by more.
constexpr std::ptrdiff_t maxPerUser = 16;
constexpr std::size_t maxTogether = 256;

std::string cancellationOf(std::uint64_t id) {
    return sys::join("zoned-", id);
}

} // namespace

Polkit::Polkit(sys::EventLoop& loop, sdbus::IConnection& connection) : loop_(loop), connection_(connection) {
    // From the start: one that is asked for only with a question misses who leaves just before.
    api::addMatch(connection_,
                  "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                  "member='NameOwnerChanged',arg2=''",
                  [this](auto&& message) {
                      std::string name;
                      message >> name;
                      callerGone(name);
                  });
}

sdbus::IProxy& Polkit::polkit() {
    if (!proxy_) {
        proxy_ = sdbus::createProxy(connection_, api::serviceName(polkitName), sdbus::ObjectPath(polkitPath));
    }
    return *proxy_;
}

void Polkit::ask(const Question& question, Authorities::Answer then) {
    const auto waiting = std::ranges::count_if(
        checks_, [&](const auto& check) { return check.second.caller.uid == question.caller.uid; });
    if (waiting >= maxPerUser || checks_.size() >= maxTogether) {
        then(false, "too many requests wait for polkit already");
        return;
    }
    const std::uint64_t id = ++last_;
    Check& check = checks_[id];
    check.caller = question.caller;
    check.then = std::move(then);
    check.deadline = loop_.after(question.caller.interactive ? limitWithPerson : limit, [this, id] {
        spdlog::warn("polkit did not answer in time whether user {} may", checks_.at(id).caller.uid);
        withdraw(id);
        settle(id, false, "polkit did not answer in time");
    });
    try {
        send(id, question);
    } catch (const sdbus::Error& error) {
        settle(id, false, sys::join("polkit cannot be asked: ", error.getMessage()));
    }
}

void Polkit::send(std::uint64_t id, const Question& question) {
    using Subject = sdbus::Struct<std::string, std::map<std::string, sdbus::Variant>>;
    const Subject subject{"system-bus-name", {{"name", sdbus::Variant(question.caller.name)}}};
    std::map<std::string, std::string> details;
    if (!question.target.kind.empty()) {
        details[question.target.kind] = question.target.name;
    }
    polkit()
        .callMethodAsync("CheckAuthorization")
        .onInterface(polkitInterface)
        .withTimeout(limitWithPerson + 10s) // ours ends first
        .withArguments(subject, question.action, details, question.caller.interactive ? allowUserInteraction : 0U,
                       cancellationOf(id))
        .uponReplyInvoke(bordered("hearing polkit", [this, id](api::ReplyError error, const Result& result) {
            if (error) {
                settle(id, false, sys::join("polkit cannot be asked: ", error->getMessage()));
            } else {
                answered(id, result);
            }
        }));
}

void Polkit::answered(std::uint64_t id, const Result& result) {
    const auto found = checks_.find(id);
    if (found == checks_.end()) {
        return;
    }
    const bool allowed = std::get<0>(result);
    const bool challenge = std::get<1>(result);
    const bool asked = found->second.caller.interactive;
    if (allowed) {
        settle(id, true, "");
    } else if (challenge && !asked) {
        settle(id, false, "a password would have to be asked for, and the caller does not allow it");
    } else if (challenge) {
        settle(id, false, "a password would have to be asked for, and nothing is there to ask (a polkit agent)");
    } else {
        settle(id, false,
               asked ? "polkit's rules do not allow it, or the password was not given"
                     : "polkit's rules do not allow it");
    }
}

void Polkit::settle(std::uint64_t id, bool allowed, const std::string& why) {
    // The answer may end whatever waits for it, and bring further questions.
    if (const auto node = checks_.extract(id); !node.empty()) {
        node.mapped().then(allowed, why);
    }
}

/// Takes a dialogue off the screen that nobody needs any more.
void Polkit::withdraw(std::uint64_t id) {
    try {
        polkit()
            .callMethodAsync("CancelCheckAuthorization")
            .onInterface(polkitInterface)
            .withArguments(cancellationOf(id))
            .uponReplyInvoke([](api::ReplyError error) {
                if (error) {
                    spdlog::debug("withdrawing a question from polkit: {}", std::string(error->getMessage()));
                }
            });
    } catch (const sdbus::Error& error) {
        spdlog::debug("withdrawing a question from polkit: {}", std::string(error.getMessage()));
    }
}

void Polkit::callerGone(const std::string& name) {
    std::vector<std::uint64_t> theirs;
    for (const auto& [id, check] : checks_) {
        if (check.caller.name == name) {
            theirs.push_back(id);
        }
    }
    for (const std::uint64_t id : theirs) {
        checks_.erase(id);
        withdraw(id);
    }
}

} // namespace zoned::daemon
