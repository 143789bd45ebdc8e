#include "platform/network.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "platform/bringup.hpp"
#include "sys/error.hpp"
#include "sys/namespaces.hpp"
#include "sys/netlink.hpp"
#include "sys/nft_elements.hpp"
#include "sys/port_name.hpp"

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

/// Of one zone's interface alone: a zone's name holds no dot.
std::string altName(const BootSpec& spec, const NicSpec& nic) {
    return "zone-" + spec.zone + "." + nic.name;
}

void makeInterface(Bringup& bringup, const NicSpec& nic) {
    const BootSpec& spec = bringup.zone.spec;
    sys::Netlink host;
    const auto bridge = host.link(nic.bridge);
    if (!bridge) {
        throw sys::Error("connecting " + nic.name + " of the zone: the host has no bridge " + nic.bridge, 0);
    }
    const sys::UniqueFd namespaceFd = sys::networkNamespaceOf(bringup.init.pid);
    if (nic.managed) {
        sys::addGuard(spec.nftTable, guardedPort(nic));
    }
    sys::VethSpec veth;
    veth.hostName = nic.hostName;
    veth.altName = altName(spec, nic);
    veth.altNameOwners = sys::portPrefix(spec.nftTable);
    veth.bridgeIndex = bridge->index;
    veth.mtu = bridge->mtu;
    veth.peerName = nic.name;
    veth.peerMac = nic.mac;
    veth.onlyPeerMac = nic.managed;
    veth.peerNetns = namespaceFd.get();
    host.createVeth(veth);

    sys::NicSetup setup;
    setup.name = nic.name;
    if (nic.address) {
        setup.address = nic.address->address;
        setup.prefix = nic.address->prefix;
    }
    setup.gateway = nic.gateway;
    // the guard lets no IPv6 pass: an address that leads nowhere would be the first choice of whoever asks for the zone
    setup.linkLocal = !nic.managed;
    sys::Netlink::inNamespace(namespaceFd.get()).bringUp({setup});
}

/// In the reverse order. The zone's network namespace may outlive its processes, and so may packets that go round in it;
/// and a process that does not end, though killed, keeps its link.
void removeInterface(const Remains& zone, const NicSpec& nic) {
    sys::Netlink().setDown(nic.hostName);
    if (nic.managed) {
        closeLater(sys::removeGuard(zone.spec.nftTable, guardedPort(nic)));
    }
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
            [nic](const Remains& zone) { removeInterface(zone, nic); }};
}

} // namespace zoned::platform
