// One interface of the zone: a veth made straight into the zone's network
// namespace, with address and route in place before init starts, and guarded
// against spoofing on the host's end.
//
// On the way down the link is set down, and then loses its guard. Nobody deletes
// it: that would take 16-25 ms, and it goes with the zone's network namespace
// anyway. Its name lingers until then, so each boot has a fresh one.
#pragma once

#include "platform/step.hpp"

namespace zoned::platform {

[[nodiscard]] Step networkStep(const BootSpec& spec, const NicSpec& nic);

} // namespace zoned::platform
