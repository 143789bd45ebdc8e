// Users and groups of the host, by name or number.
//
// Names are looked up through the C library, and so in whatever the host keeps
// its accounts in. Lookups in files take microseconds; a directory service that
// hangs would hold up the caller, so the service remembers what it learnt for a
// while. What is looked up are only names that stand in definitions: nobody
// but whoever defines zones can make it look up anything.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace zoned::daemon {

/// The number of a user who exists; nothing where there is none.
[[nodiscard]] std::optional<uid_t> findUser(const std::string& nameOrNumber);
[[nodiscard]] std::optional<gid_t> findGroup(const std::string& nameOrNumber);
/// A user for people: "alice (1000)". The name is looked for in /etc/passwd alone, since anybody who calls us makes us
/// look for his own: whoever is kept elsewhere is told by the number.
[[nodiscard]] std::string describeUser(uid_t uid);

/// The same, remembered.
class Accounts {
public:
    [[nodiscard]] std::optional<uid_t> user(const std::string& nameOrNumber);
    [[nodiscard]] std::optional<gid_t> group(const std::string& nameOrNumber);

private:
    struct Known {
        std::optional<id_t> id;
        std::chrono::steady_clock::time_point since;
    };
    using Find = std::optional<id_t> (*)(const std::string&);
    static std::optional<id_t> remembered(std::map<std::string, Known>& known, const std::string& name, Find find);

    std::map<std::string, Known> users_;
    std::map<std::string, Known> groups_;
};

} // namespace zoned::daemon
