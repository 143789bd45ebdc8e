#include "accounts.hpp"

#include <pwd.h>

#include <cstdio>
#include <memory>

#include "border.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "zone/fault.hpp"

namespace zoned::daemon {
namespace {

using std::chrono::seconds;

// How long a user who was deleted, and whose number another one got, could still be taken for himself.
constexpr seconds memory{30};
// A directory service that does not answer is not asked by every call.
constexpr seconds memoryOfSilence{5};
// Names of definitions that are gone stay behind otherwise.
constexpr std::size_t maxRemembered = 4096;

constexpr std::size_t lineBuffer = 4096;
constexpr std::size_t largestFile = 16U << 20U;

std::string accountOf(const zone::Admin& admin) {
    return admin.user.empty() ? "group:" + admin.group : "user:" + admin.user;
}

} // namespace

std::string describeUser(uid_t uid) {
    const std::string number = std::to_string(uid);
    std::string text;
    try {
        text = sys::readFile("/etc/passwd", largestFile).value_or("");
    } catch (const sys::Error&) {
        // the number will do
    }
    const std::unique_ptr<FILE, int (*)(FILE*)> file(fmemopen(text.data(), text.size(), "r"), std::fclose);
    std::vector<char> buffer(lineBuffer);
    passwd entry{};
    passwd* found = nullptr;
    // ends at a line that is too long for a user's, too
    while (file && fgetpwent_r(file.get(), &entry, buffer.data(), buffer.size(), &found) == 0) {
        if (found->pw_uid == uid) {
            return found->pw_name + (" (" + number + ")");
        }
    }
    return number;
}

const Accounts::Known* Accounts::fresh(const std::string& account) const {
    const auto found = known_.find(account);
    if (found == known_.end()) {
        return nullptr;
    }
    const auto age = std::chrono::steady_clock::now() - found->second.since;
    return age < (found->second.certain ? memory : memoryOfSilence) ? &found->second : nullptr;
}

void Accounts::learn(const std::vector<zone::Admin>& admins, const std::function<void()>& then) {
    std::set<std::string> unknown;
    for (const zone::Admin& admin : admins) {
        if (const std::string account = accountOf(admin); fresh(account) == nullptr) {
            unknown.insert(account);
        }
    }
    if (unknown.empty()) {
        then();
        return;
    }
    std::string question;
    for (const std::string& account : unknown) {
        question += account + "\n";
    }
    std::vector<std::function<void()>>& waiting = asked_[question];
    waiting.push_back(then);
    if (waiting.size() > 1) {
        return;
    }
    const std::vector<std::string> accounts(unknown.begin(), unknown.end());
    ask_(accounts, [this, question, accounts](const Found& found) {
        learnt(accounts, found);
        const auto node = asked_.extract(question);
        for (const auto& each : node.mapped()) {
            attempt("going on with an account", each);
        }
    });
}

void Accounts::learnt(const std::vector<std::string>& accounts, const Found& found) {
    if (known_.size() + accounts.size() > maxRemembered) {
        known_.clear();
    }
    const auto now = std::chrono::steady_clock::now();
    for (const std::string& account : accounts) {
        Known known{found.has_value(), std::nullopt, now};
        if (found) {
            if (const auto number = found->find(account); number != found->end()) {
                known.id = static_cast<id_t>(number->second);
            }
        }
        known_[account] = known;
    }
}

std::optional<id_t> Accounts::number(const std::string& account) const {
    const Known* known = fresh(account);
    return known == nullptr ? std::nullopt : known->id;
}

std::optional<uid_t> Accounts::user(const std::string& nameOrNumber) const {
    return number("user:" + nameOrNumber);
}

std::optional<gid_t> Accounts::group(const std::string& nameOrNumber) const {
    return number("group:" + nameOrNumber);
}

Accounts::Missing Accounts::missing(const std::vector<zone::Admin>& admins) const {
    Missing missing;
    for (const zone::Admin& admin : admins) {
        const Known* known = fresh(accountOf(admin));
        if (known == nullptr || !known->certain) {
            const std::string who = admin.user.empty() ? "group '" + admin.group : "user '" + admin.user;
            throw zone::Fault(zone::FaultKind::failed, "whether there is a " + who +
                                                           "' on this host is not known: what keeps its accounts "
                                                           "(see nsswitch.conf(5)) does not answer");
        }
        if (!known->id) {
            (admin.user.empty() ? missing.groups : missing.users)
                .push_back(admin.user.empty() ? admin.group : admin.user);
        }
    }
    return missing;
}

} // namespace zoned::daemon
