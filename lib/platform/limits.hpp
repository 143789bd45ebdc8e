// The zone's cgroup: its limits, and the subtree that it governs itself.
//
//   …/NAME              the zone, as `zones.slice` (or systemd) sees it
//   …/NAME/supervisor   the supervisor
//   …/NAME/payload      the zone's processes; made anew for each boot, because a cgroup once written
//                       cgroup.kill kills what is born into it on Linux 6.12 to 6.18
//
// The limits are written to `payload`, whose limit files stay root's; only the
// files of delegation are the zone's. While the zone runs, the supervisor writes
// new ones to the same files (changeLimits).
#pragma once

#include <string>
#include <vector>

#include "platform/step.hpp"

namespace zoned::platform {

[[nodiscard]] Step limitsStep(const BootSpec& spec);
/// What must be written to a payload that has the limits `from` so that it has `to`: what is the same is left
/// alone, what is gone is written as no limit ("" for cpuset.cpus).
[[nodiscard]] std::vector<Limit> limitWrites(const std::vector<Limit>& from, const std::vector<Limit>& to);
/// Gives a zone that is up other limits: all of them, or, where the kernel refuses one, none. Weights are those of the
/// zone's cgroup, all others of its payload. Throws sys::Error.
void changeLimits(const std::string& zoneCgroup, const std::vector<Limit>& from, const std::vector<Limit>& to);
/// Gives a cgroup exactly these limits, whatever it had, io.max of devices that are not named excepted. Throws sys::Error.
void setLimitsOf(const std::string& cgroup, const std::vector<Limit>& limits);
/// "DIR/payload"
[[nodiscard]] std::string payloadCgroup(const std::string& zoneCgroup);
/// The supervisor's own, beside it.
[[nodiscard]] std::string supervisorCgroup(const std::string& zoneCgroup);

} // namespace zoned::platform
