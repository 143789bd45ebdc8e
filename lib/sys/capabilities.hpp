// The capabilities a zone's processes may ever have.
//
// In a user namespace a capability acts on what that namespace owns; dropping
// some nevertheless keeps the zone's own units from trying what the kernel
// will refuse (systemd reads the bounding set for ConditionCapability), and
// closes kernel code that user namespaces have opened to anyone.
#pragma once

#include <cstdint>
#include <string>

namespace zoned::sys {

/// The set for init, exec and login, bit N standing for capability N.
/// @param privileged the zone has no user namespace of its own: less is left to it
[[nodiscard]] std::uint64_t zoneCapabilities(bool privileged);
/// Takes every capability that the running kernel knows and `keep` lacks out of the calling thread's bounding,
/// ambient, inheritable, permitted and effective sets. Needs CAP_SETPCAP.
void dropBoundingSet(std::uint64_t keep);
/// "cap_net_admin"; its number for one that libcap does not know.
[[nodiscard]] std::string capabilityName(unsigned int capability);

} // namespace zoned::sys
