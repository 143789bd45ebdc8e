// Guards of single bridge ports: elements in the sets of nft_table.hpp.
//
// Sent as raw nfnetlink, not through libnftables: the static supervisor does
// this at each boot, libnftables has no static form, starting it costs more than
// the rest of the network set-up, and listing a thousand elements takes it 0.15 s.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace zoned::sys {

/// One port of the bridge and the only addresses it may use.
struct GuardedPort {
    std::string ifName;                ///< the host end, of port_name.hpp
    std::string mac;                   ///< the zone end's, "02:00:5e:00:53:01"
    std::optional<std::uint32_t> ipv4; ///< host byte order; without one the port may send no IPv4 and no ARP
};

/// Lets the port send what is its own; until then one of the table's names passes nothing. Elements that are there
/// already are fine. Error ENOENT where the table is absent.
void addGuard(const std::string& table, const GuardedPort& port);
/// Those of all the ports, in one transaction.
void addGuards(const std::string& table, const std::vector<GuardedPort>& ports);
/// Absent elements, and an absent table, are fine.
/// @return the way to the kernel: closing it waits for an RCU grace period (about 10 ms) when something was removed, so
///         whoever is in a hurry keeps it for a while
std::shared_ptr<void> removeGuard(const std::string& table, const GuardedPort& port);
/// Takes away the guards of ports for which `stray` says so: of boots whose record was lost.
void removeStrayGuards(const std::string& table, const std::function<bool(const std::string& ifName)>& stray);
/// The links, at most a thousand, from which the host forwards to the network's bridge and to nowhere else.
void setOpenedLinks(const std::string& table, const std::vector<std::string>& links);
/// The interfaces that the sets speak of, sorted; empty where the table is absent.
[[nodiscard]] std::vector<std::string> guardedInterfaces(const std::string& table);

} // namespace zoned::sys
