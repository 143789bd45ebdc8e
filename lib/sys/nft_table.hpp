// The firewall tables of managed networks, through libnftables' JSON.
//
// Two tables carry one name:
//   table bridge NAME   guards ports: who may send what into the bridge
//   table inet NAME     lets no port into the host past its bridge, bounds the
//                       connections that the host keeps in mind for a zone,
//                       masquerades what leaves a managed subnet, and keeps the
//                       host from routing between its other links
//
// The rules are constant. What belongs to one zone are elements of sets,
// added and removed by nft_elements.hpp without touching a rule: the cost of a
// packet and of a boot does not grow with the number of zones.
#pragma once

#include <cstdint>
#include <string>

namespace zoned::sys {

/// One managed network, which has its tables to itself.
struct NftNetwork {
    std::string tableName;
    std::string bridge;
    std::uint32_t subnetAddress = 0; ///< IPv4, host byte order
    int prefix = 24;                 ///< 1...32
    bool masquerade = true;
    std::uint32_t connections = 16384; ///< that are tracked of what each address in the subnet begins
};

/// Makes both tables hold exactly our rules. Where they do already nothing is touched; where the rules are of another
/// version or network, or were tampered with, they are replaced in one transaction. Guards of ports stay in any case.
/// An Error has nft's own words as the end of its action, and the code 0.
/// Returns true where anything had to be made: guards of ports may be missing then.
bool ensureNetworkTables(const NftNetwork& network);
/// Absent tables are fine.
void removeTables(const std::string& tableName);
} // namespace zoned::sys
