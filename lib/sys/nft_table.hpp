// The firewall tables of managed networks, through libnftables' JSON.
//
// Two tables carry one name:
//   table bridge NAME   guards ports: who may send what into the bridge
//   table inet NAME     masquerades what leaves a managed subnet
//
// The rules are constant. What belongs to one zone are elements of sets,
// added and removed by nft_elements.hpp without touching a rule: the cost of a
// packet and of a boot does not grow with the number of zones.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace zoned::sys {

/// One managed network, which has its tables to itself.
struct NftNetwork {
    std::string tableName;
    std::string bridge;
    std::uint32_t subnetAddress = 0; ///< IPv4, host byte order
    int prefix = 24;                 ///< 1...32
    bool masquerade = true;
};

/// Makes both tables hold exactly our rules. Where they do already nothing is touched; where the rules are of another
/// version or network, or were tampered with, they are replaced in one transaction. Guards of ports stay in any case.
/// An Error has nft's own words as the end of its action, and the code 0.
/// Returns true where anything had to be made: guards of ports may be missing then.
bool ensureNetworkTables(const NftNetwork& network);
/// Absent tables are fine.
void removeTables(const std::string& tableName);
/// Takes away the guards of ports for which `stray` says so: of boots whose record was lost.
void removeStrayGuards(const std::string& tableName, const std::function<bool(const std::string& ifName)>& stray);
/// The interfaces whose traffic is being guarded, sorted; empty where the table is absent.
[[nodiscard]] std::vector<std::string> guardedInterfaces(const std::string& tableName);

} // namespace zoned::sys
