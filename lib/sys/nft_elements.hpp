// Guards of single bridge ports: elements in the sets of nft_table.hpp.
//
// Sent as raw nfnetlink, not through libnftables: the static supervisor does
// this at each boot, libnftables has no static form, and starting it costs
// more than the rest of the network set-up.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace zoned::sys {

/// One port of the bridge and the only addresses it may use.
struct GuardedPort {
    std::string ifName;                ///< the host end, at most 15 bytes
    std::string mac;                   ///< the zone end's, "02:00:5e:00:53:01"
    std::optional<std::uint32_t> ipv4; ///< host byte order; without one the port may send no IPv4 and no ARP
};

/// Adds the port to the guarded ones, whole or not at all. Elements that are there already are fine. A port may be
/// guarded before it exists, and should be: what has no guard passes unchecked.
/// Error ENOENT where the table is absent.
void addGuard(const std::string& table, const GuardedPort& port);
/// Absent elements, and an absent table, are fine.
/// @return the way to the kernel: closing it waits for an RCU grace period (about 10 ms) when something was removed, so
///         whoever is in a hurry keeps it for a while
std::shared_ptr<void> removeGuard(const std::string& table, const GuardedPort& port);

} // namespace zoned::sys
