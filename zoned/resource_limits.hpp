// From the limits of a definition, or of a group of zones, to the files of a
// cgroup; and what of this host they are judged by.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "host.hpp"
#include "zone/definition.hpp"
#include "zone/validate_resources.hpp"

namespace zoned::daemon {

/// One write to one file of a cgroup.
struct LimitFile {
    std::string key;        // below `resources`: "cpu-set", "io[0]"
    std::string controller; // that the cgroup needs for it
    std::string file;
    std::string value;
};

/// "8:0" of a device's path or "disk"; throws sys::Error where there is no such device.
using DiskNumber = std::function<std::string(const std::string& device)>;

[[nodiscard]] std::vector<LimitFile> limitFiles(const zone::Resources& resources, const DiskNumber& diskNumber);

/// Those that the host offers a controller for. For each other a warning is added, or Fault limitUnavailable thrown
/// where the limits are not optional.
/// @param owner what has the limits, for people: "resources.", "groups.customers."
/// @param object "zone web"
[[nodiscard]] std::vector<LimitFile> offeredLimits(const zone::Resources& resources, const DiskNumber& diskNumber,
                                                   const std::vector<std::string>& controllers,
                                                   const std::string& owner, const std::string& object,
                                                   std::vector<std::string>& warnings);

/// Those that are in effect for a zone with these resources, as Lifecycle::set takes them: key below `resources` and
/// value, in the schema's order; without what the host has no controller for.
[[nodiscard]] std::vector<std::pair<std::string, std::string>>
limitsInEffect(const zone::Resources& resources, const std::vector<std::string>& controllers);

// A fork bomb in a zone must not take the host's process ids (4 million where pid_max is at its largest).
inline constexpr std::uint32_t defaultProcesses = 16384;

/// The disks of this host; "disk" is the one under the zones' storage.
[[nodiscard]] DiskNumber diskNumbers(const Host& host);
/// What definitions are judged by on this host.
[[nodiscard]] zone::HostResources hostResources(const Host& host);

} // namespace zoned::daemon
