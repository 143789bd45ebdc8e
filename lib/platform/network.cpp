#include "platform/network.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "platform/bringup.hpp"
#include "sys/error.hpp"
#include "sys/namespaces.hpp"
#include "sys/netlink.hpp"
#include "sys/nft_elements.hpp"

namespace zoned::platform {

namespace {

sys::GuardedPort guardedPort(const NicSpec& nic) {
    sys::GuardedPort port{nic.hostName, nic.mac, std::nullopt};
    if (nic.address) {
        port.ipv4 = nic.address->address;
    }
    return port;
}

/// Keeps what removing guards left open, so that no halt waits for it to close; the kernel lets go of it soon.
void closeLater(std::shared_ptr<void> way) {
    constexpr std::size_t most = 64; // of a zone that reboots again and again
    static std::vector<std::shared_ptr<void>> open;
    if (open.size() >= most) {
        open.clear();
    }
    open.push_back(std::move(way));
}

void makeInterface(Bringup& bringup, const NicSpec& nic) {
    const BootSpec& spec = bringup.zone.spec;
    sys::Netlink host;
    const auto bridge = host.linkIndex(nic.bridge);
    if (!bridge) {
        throw sys::Error("connecting " + nic.name + " of the zone: the host has no bridge " + nic.bridge, 0);
    }
    const sys::UniqueFd namespaceFd = sys::networkNamespaceOf(bringup.init.pid);
    if (nic.managed) {
        // before the link exists: no packet of the zone ever passes unguarded
        sys::addGuard(spec.nftTable, guardedPort(nic));
    }
    sys::VethSpec veth;
    veth.hostName = nic.hostName;
    veth.altName = "zone-" + spec.zone + "-" + nic.name;
    veth.bridgeIndex = *bridge;
    veth.peerName = nic.name;
    veth.peerMac = nic.mac;
    veth.peerNetns = namespaceFd.get();
    host.createVeth(veth);

    sys::NicSetup setup;
    setup.name = nic.name;
    if (nic.address) {
        setup.address = nic.address->address;
        setup.prefix = nic.address->prefix;
    }
    setup.gateway = nic.gateway;
    sys::Netlink::inNamespace(namespaceFd.get()).bringUp({setup});
}

} // namespace

Step networkStep(const BootSpec&, const NicSpec& nic) {
    std::string purpose = "make a veth, host end " + nic.hostName + ", in bridge " + nic.bridge;
    if (nic.address) {
        purpose += ", address " + nic.address->str();
    }
    if (nic.gateway) {
        purpose += ", default route by " + zone::ipv4Text(*nic.gateway);
    }
    return {"network:" + nic.name, purpose, [nic](Bringup& bringup) { makeInterface(bringup, nic); },
            [nic](const Remains& zone) {
                if (nic.managed) {
                    closeLater(sys::removeGuard(zone.spec.nftTable, guardedPort(nic)));
                }
            }};
}

} // namespace zoned::platform
