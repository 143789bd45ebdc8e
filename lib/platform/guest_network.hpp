// What the zone's own programs for networks are told, in its /run and so for
// one boot: which interfaces have their address already, and whom to ask for
// names. The definition promises both, and images bring programs that would
// take the address away, wait for a server that is not there, or ask other
// name servers: systemd-networkd (and netplan, which writes its files),
// NetworkManager, ifupdown, BusyBox's ifup, systemd-resolved, resolvconf.
//
// An interface without an address of the definition's is the zone's to set up,
// and nothing is said of it. Nor are name servers to a zone that has one and whose
// definition names none: they come with its lease.
#pragma once

#include <string>

#include "platform/boot_spec.hpp"

namespace zoned::platform {

/// As in resolv.conf(5).
[[nodiscard]] std::string nameserverLines(const BootSpec& spec);

/// Writes the files beneath `root`, whose /run must be mounted. A zone whose init starts none of these programs gets none.
void tellNetworkPrograms(int root, const BootSpec& spec, zone::InitKind init);

} // namespace zoned::platform
