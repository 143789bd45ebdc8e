// The rules between keys and with the host, as an ordered list of named checks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "zone/definition.hpp"
#include "zone/fault.hpp"
#include "zone/validate_resources.hpp"

namespace zoned::zone {

/// What the checks must know of the world; pure data, filled in by the caller.
struct Surroundings {
    Ipv4Network subnet;              // of the managed network: the bridge's address and prefix
    std::string managedBridge;       // its bridge
    std::vector<std::string> images; // known images
    /// Addresses, and the zones that hold them.
    std::multimap<std::uint32_t, std::string> addressesTaken;
    std::vector<std::string> groups; // of zoned.yaml
    HostResources host;
    std::set<std::string> zones; // all zones of the host
    /// What zones wait for: zone -> those that it names in after and requires.
    std::map<std::string, std::vector<std::string>> waits;
    bool allowPrivileged = true; // the requester is the host's administrator
    /// Those of the definition's administrators that this host does not have, where that is asked: it is when a
    /// definition is stored; one that was stored stays good when a user is deleted, who then is nobody's administrator.
    std::vector<std::string> missingUsers;
    std::vector<std::string> missingGroups;
};

struct Check {
    std::string_view name;
    std::function<void(const Definition&, const Surroundings&, std::vector<Finding>&)> run;
};

[[nodiscard]] std::span<const Check> checks();
/// All findings of all checks, in order; empty where the definition is good.
[[nodiscard]] std::vector<Finding> validate(const Definition& definition, const Surroundings& surroundings);

} // namespace zoned::zone
