// The zone's cgroup: its limits, and the subtree that it governs itself.
//
//   …/NAME              the zone, as `zones.slice` (or systemd) sees it
//   …/NAME/supervisor   the supervisor
//   …/NAME/payload      the zone's processes; made anew for each boot, because a cgroup once written
//                       cgroup.kill kills what is born into it on Linux 6.12 to 6.18
//
// The limits are written to `payload`, whose limit files stay root's; only the
// files of delegation are the zone's.
#pragma once

#include <string>

#include "platform/step.hpp"

namespace zoned::platform {

[[nodiscard]] Step limitsStep(const BootSpec& spec);
/// "DIR/payload"
[[nodiscard]] std::string payloadCgroup(const std::string& zoneCgroup);

} // namespace zoned::platform
