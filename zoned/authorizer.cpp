#include "authorizer.hpp"

#include <algorithm>

#include "sys/error.hpp"

namespace zoned::daemon {
namespace {

struct VerbWords {
    std::string_view action;
    std::string_view text; // "permission denied: user alice (1000) may not …"
};

const VerbWords& wordsOf(Verb verb) noexcept {
    static constexpr VerbWords words[]{
        {"", "list zones"},
        {"org.zoned1.list-details", "see the details"},
        {"org.zoned1.login", "log in"},
        {"org.zoned1.exec", "run programs"},
        {"org.zoned1.console", "open the console"},
        {"org.zoned1.manage", "change the state"},
        {"org.zoned1.config", "change the definition"},
        {"org.zoned1.config-privileged", "define or change a zone that is reserved to those trusted with the host"},
        {"org.zoned1.create", "create zones"},
        {"org.zoned1.image", "change images"},
        {"org.zoned1.delete", "delete zones or their data"},
    };
    return words[static_cast<std::size_t>(verb)];
}

/// The right that lets an administrator of the zone do this; nothing where none does.
std::optional<zone::Right> rightFor(Verb verb) noexcept {
    switch (verb) {
    case Verb::login:
        return zone::Right::login;
    case Verb::exec:
        return zone::Right::exec;
    case Verb::console:
        return zone::Right::console;
    case Verb::manage:
        return zone::Right::manage;
    default:
        return std::nullopt;
    }
}

} // namespace

std::string_view actionOf(Verb verb) noexcept {
    return wordsOf(verb).action;
}

bool isForAdmins(Verb verb) noexcept {
    // whoever may do anything at all to a zone may also read its definition
    return rightFor(verb) || verb == Verb::listDetails;
}

std::string Authorizer::refusal(const Caller& caller, Verb verb, const Target& target, const std::string& why) const {
    const std::string who = caller.uid == static_cast<uid_t>(-1) ? "who asks is not known, and so"
                                                                 : "user " + authorities_.userText(caller.uid);
    std::string of = target.str();
    if (verb == Verb::configPrivileged && !target.because.empty()) {
        of += (of.empty() ? "" : ", ") + target.because;
    }
    return sys::join("permission denied: ", who, " may not ", wordsOf(verb).text, of.empty() ? "" : " (" + of + ")",
                     ": ", why);
}

bool Authorizer::isAdmin(const Caller& caller, const zone::Admin& admin) const {
    if (!admin.user.empty()) {
        return authorities_.userId(admin.user) == caller.uid;
    }
    const auto group = authorities_.groupId(admin.group);
    if (!group) {
        return false;
    }
    const std::vector<gid_t> groups = authorities_.groupsOf(caller);
    return std::ranges::find(groups, *group) != groups.end();
}

bool Authorizer::lets(const Caller& caller, Verb verb, const std::vector<zone::Admin>& admins) const {
    if (!isForAdmins(verb)) {
        return false;
    }
    const auto right = rightFor(verb);
    return std::ranges::any_of(admins, [&](const zone::Admin& admin) {
        return (!right || std::ranges::find(admin.may, *right) != admin.may.end()) && isAdmin(caller, admin);
    });
}

void Authorizer::decide(const Caller& caller, Verb verb, const Target& target, const std::vector<zone::Admin>& admins,
                        const std::function<void(const Decision&)>& then) const {
    if (verb == Verb::list || caller.uid == 0) {
        then({true, ""});
        return;
    }
    if (caller.uid == static_cast<uid_t>(-1)) {
        then({false, refusal(caller, verb, target, "only root and those whom polkit knows may")});
        return;
    }
    if (lets(caller, verb, admins)) {
        then({true, ""});
        return;
    }
    authorities_.polkit({caller, std::string(actionOf(verb)), target},
                        [this, caller, verb, target, then](bool allowed, const std::string& why) {
                            then({allowed, allowed ? "" : refusal(caller, verb, target, why)});
                        });
}

} // namespace zoned::daemon
