// Users and groups of the host, by name or number.
//
// They are looked up through the C library, and so in whatever the host keeps
// its accounts in, by a worker: a directory service that is offline holds up
// those alone who ask about its users. What was learnt is remembered for a
// while. What is looked up are only names that stand in definitions: nobody
// but whoever defines zones can make it look up anything.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "zone/admin.hpp"

namespace zoned::daemon {

/// A user for people: "alice (1000)". The name is looked for in /etc/passwd alone, since anybody who calls us makes us
/// look for his own: whoever is kept elsewhere is told by the number.
[[nodiscard]] std::string describeUser(uid_t uid);

class Accounts {
public:
    using Found = std::optional<std::map<std::string, std::int64_t>>;
    /// Looks accounts up, "user:alice", "group:games", and calls back with those that there are, or nothing where that
    /// cannot be learnt now.
    using Ask = std::function<void(const std::vector<std::string>&, std::function<void(const Found&)>)>;

    explicit Accounts(Ask ask) : ask_(std::move(ask)) {}

    /// Learns who the administrators are; `then` is called at once where that is known, and within seconds in any case.
    void learn(const std::vector<zone::Admin>& admins, const std::function<void()>& then);

    /// As learnt; nothing where there is none, or where that is not known.
    [[nodiscard]] std::optional<uid_t> user(const std::string& nameOrNumber) const;
    [[nodiscard]] std::optional<gid_t> group(const std::string& nameOrNumber) const;

    struct Missing {
        std::vector<std::string> users;
        std::vector<std::string> groups;
    };
    /// Which of the administrators there are not, as learnt. Throws Fault failed where that is not known of one of them.
    [[nodiscard]] Missing missing(const std::vector<zone::Admin>& admins) const;

private:
    struct Known {
        bool certain = false; // else nobody could tell
        std::optional<id_t> id;
        std::chrono::steady_clock::time_point since;
    };
    [[nodiscard]] const Known* fresh(const std::string& account) const;
    [[nodiscard]] std::optional<id_t> number(const std::string& account) const;
    void learnt(const std::vector<std::string>& accounts, const Found& found);

    Ask ask_;
    std::map<std::string, Known> known_;                              // "user:alice"
    std::map<std::string, std::vector<std::function<void()>>> asked_; // by the question, its accounts joined
};

} // namespace zoned::daemon
