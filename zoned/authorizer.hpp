// Who may do what: one policy function, whatever the way in.
//
// Root may everything, everyone may read what is public, and a zone's own
// administrators may what its definition lets them. Whatever is left is
// polkit's to decide, which takes its time: it may have to ask a person for a
// password. Nothing of the request is done before it has answered, and the
// request is judged on the state as it is then.
//
// Every doubt is a no: a caller who is not known, a user or group that cannot
// be looked up, a polkit that is absent, slow or in error.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zone/admin.hpp"

namespace zoned::daemon {

/// Verbs of the bus by what they give away or change; each but `list` has its polkit action.
enum class Verb {
    list,             // names, states, images, jobs: public
    listDetails,      // definitions and plans
    login,            // a login shell
    exec,             // a program
    console,          // the console
    manage,           // boot, ready, shutdown, halt, reboot
    config,           // change a definition
    configPrivileged, // privileged zones, folders, units and bridges of the host, a zone's administrators
    create,           // define, verify, install
    image,            // import, build, delete images
    remove            // uninstall, delete
};

/// "org.zoned1.manage"; "" for what is public.
[[nodiscard]] std::string_view actionOf(Verb verb) noexcept;

/// Whether a zone's own administrators can be let do it.
[[nodiscard]] bool isForAdmins(Verb verb) noexcept;

struct Caller {
    std::string name;                   // on the bus, ":1.42"
    uid_t uid = static_cast<uid_t>(-1); // -1: not known, or gone
    bool interactive = false;           // the message allows that a person is asked
};

/// What a verb is for.
struct Target {
    std::string kind; // "zone", "image"; "" for the service as a whole
    std::string name;
    std::string because{}; // why that takes configPrivileged, for people: "for its definition's key admins"
    /// "zone web"; "" for the service
    [[nodiscard]] std::string str() const { return kind.empty() ? "" : kind + " " + name; }
};

struct Decision {
    bool allowed = false;
    std::string why; // why not, as a sentence
};

/// What polkit is asked.
struct Question {
    Caller caller;
    std::string action;
    Target target;
};

/// Where the policy learns what it does not know itself.
struct Authorities {
    using Answer = std::function<void(bool allowed, const std::string& why)>;
    std::function<std::optional<uid_t>(const std::string& nameOrNumber)> userId;
    std::function<std::optional<gid_t>(const std::string& nameOrNumber)> groupId;
    /// All groups of the caller's connection; empty where they are not known.
    std::function<std::vector<gid_t>(const Caller&)> groupsOf;
    /// Answers once, at once or later; never where the caller has gone.
    std::function<void(const Question&, Answer)> polkit;
    /// How a refusal calls a user: "alice (1000)".
    std::function<std::string(uid_t)> userText;
};

class Authorizer {
public:
    explicit Authorizer(Authorities authorities) : authorities_(std::move(authorities)) {}

    /// Calls `then` with the decision: at once, or when polkit has answered; never where the caller went away meanwhile.
    /// @param admins of the zone that the verb is for; empty for anything else
    void decide(const Caller& caller, Verb verb, const Target& target, const std::vector<zone::Admin>& admins,
                const std::function<void(const Decision&)>& then) const;

private:
    [[nodiscard]] std::string refusal(const Caller& caller, Verb verb, const Target& target,
                                      const std::string& why) const;
    [[nodiscard]] bool isAdmin(const Caller& caller, const zone::Admin& admin) const;
    [[nodiscard]] bool lets(const Caller& caller, Verb verb, const std::vector<zone::Admin>& admins) const;

    Authorities authorities_;
};

} // namespace zoned::daemon
