// Groups of zones: a cgroup between the folder of all zones and those of the
// group's members, with limits for all of them together (`groups` of zoned.yaml).
//
//   zones.slice/zone@web.service                         a zone of no group
//   zones.slice/zones-customers.slice/zone@web.service   one of the group "customers"
//
// systemd makes the slice from a unit of ours in /run, and puts the zone's unit
// there because of a drop-in, so that `systemctl start zone@web` does what
// zonectl does. Where no systemd runs, the folders and their limits are ours.
#pragma once

#include <string>
#include <vector>

#include "resource_limits.hpp"
#include "zone/definition.hpp"
#include "zone/zone_name.hpp"

namespace zoned::daemon {

/// "zones-customers.slice"
[[nodiscard]] std::string groupSlice(const std::string& group);
/// The text of that unit. Limits that the host cannot enforce are in it, too: systemd leaves them out.
[[nodiscard]] std::string groupUnit(const std::string& group, const zone::Resources& resources,
                                    const std::string& storage);

/// The limits of a group. Throws Fault limitUnavailable where the host cannot enforce one (or adds a warning), and
/// Fault failed where zoned.yaml has no such group or names a device that is not there.
[[nodiscard]] std::vector<LimitFile> groupLimits(const Host& host, const std::string& group,
                                                 std::vector<std::string>& warnings);

/// Gives the group's cgroup, where it is there, its limits as they are now. Throws sys::Error.
/// @param slice the folder of all zones
void limitGroup(const Host& host, const std::string& slice, const std::string& group);

/// The folder of a zone's cgroup: where it is now, else where it will be made.
/// @param slice the folder of all zones
/// @param leaf the zone's own folder: "web", "zone@web.service"
/// @param group of the definition; "" for none
[[nodiscard]] std::string zoneCgroup(const std::string& slice, const std::string& leaf, const std::string& group);
/// Where it will be made.
[[nodiscard]] std::string plannedCgroup(const std::string& slice, const std::string& leaf, const std::string& group);

/// The units of systemd that stand for groups, in a folder such as /run/systemd/system.
class GroupUnits {
public:
    GroupUnits(const Host& host, std::string folder) : host_(host), folder_(std::move(folder)) {}

    /// Makes sure that the zone's unit will start in its group's slice, that the slice has its limits, and that the unit
    /// has the weights of the zone's own resources. Returns true where a file changed: systemd must reload.
    bool place(const zone::ZoneName& zone, const std::string& group, const zone::Resources& own);

private:
    const Host& host_;
    std::string folder_;
};

} // namespace zoned::daemon
