#include "network.hpp"

#include "boot_spec_builder.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/netlink.hpp"
#include "sys/nft_table.hpp"
#include "zone/fault.hpp"

namespace zoned::daemon {
namespace {

constexpr const char* forwarding = "/proc/sys/net/ipv4/ip_forward";

void writeWherePresent(const std::string& path, std::string_view value) {
    if (sys::exists(path)) {
        sys::writeKernelFile(path, value);
    }
}

void makeBridge(sys::Netlink& netlink, const store::Settings::Network& network) {
    netlink.createBridge(network.bridge, stableMac("bridge/" + network.bridge));
    // The bridge is the host's own interface among the zones: it takes no IPv6 configuration from any of them.
    const std::string ipv6 = "/proc/sys/net/ipv6/conf/" + network.bridge;
    writeWherePresent(ipv6 + "/accept_ra", "0");
    writeWherePresent(ipv6 + "/autoconf", "0");
    netlink.addAddress(network.bridge, network.address.address, network.address.prefix);
    netlink.setUp(network.bridge);
}

} // namespace

void ensureManagedNetwork(const store::Settings& settings) {
    const store::Settings::Network& network = settings.network;
    sys::Netlink netlink;
    if (!netlink.linkIndex(network.bridge)) {
        makeBridge(netlink, network);
    }
    if (network.masquerade && sys::readFile(forwarding).value_or("1").starts_with('0')) {
        sys::writeKernelFile(forwarding, "1");
    }
    sys::ensureNetworkTables({settings.nftTable, network.bridge, network.address.address & network.address.mask(),
                              network.address.prefix, network.masquerade});
}

void ensureNetworks(const store::Settings& settings, const zone::Definition& definition) {
    bool managed = false;
    for (const zone::Nic& nic : definition.network) {
        if (!nic.bridge) {
            managed = true;
        } else if (!sys::Netlink().linkIndex(*nic.bridge)) {
            throw zone::Fault(zone::FaultKind::failed, "the bridge '" + *nic.bridge + "' that interface " + nic.name +
                                                           " of zone " + definition.zone +
                                                           " is to join does not exist on this host");
        }
    }
    if (managed) {
        ensureManagedNetwork(settings);
    }
}

} // namespace zoned::daemon
