#include "network.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "boot_spec_builder.hpp"
#include "platform/run_record.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/netlink.hpp"
#include "sys/nft_elements.hpp"
#include "sys/nft_table.hpp"
#include "zone/fault.hpp"

namespace zoned::daemon {
namespace {

// a reload of rules deletes and makes many: one look at its end is enough
constexpr std::chrono::milliseconds settle{100};

void writeWherePresent(const std::string& path, std::string_view value) {
    if (sys::exists(path)) {
        sys::writeKernelFile(path, value);
    }
}

/// The bridge is the host's own interface among the zones: it takes no configuration from any of them.
void takeNoConfiguration(const std::string& bridge) {
    const std::string ipv6 = "/proc/sys/net/ipv6/conf/" + bridge;
    writeWherePresent(ipv6 + "/accept_ra", "0");
    writeWherePresent(ipv6 + "/autoconf", "0");
    writeWherePresent(ipv6 + "/accept_redirects", "0");
    writeWherePresent("/proc/sys/net/ipv4/conf/" + bridge + "/accept_redirects", "0");
}

bool overlap(const zone::Ipv4Network& one, const zone::Ipv4Network& other) {
    return one.contains(other.address) || other.contains(one.address);
}

/// A network that is in use already would take the host's own traffic away, or never get any.
void refuseOverlap(sys::Netlink& netlink, const store::Settings::Network& network) {
    // broader than any network for private use: a default route in disguise, such as the two halves that a VPN adds
    constexpr std::uint8_t everywhere = 7;
    const auto refuse = [&](const std::string& other, std::uint32_t index) {
        const std::vector<sys::LinkInfo> links = netlink.links();
        const auto link = std::ranges::find(links, index, &sys::LinkInfo::index);
        throw zone::Fault(zone::FaultKind::failed,
                          sys::join("the managed network ", network.address.str(), " overlaps ", other, " of ",
                                    link == links.end() ? "an interface" : link->name,
                                    "; give zones another one: network.address in zoned.yaml"));
    };
    for (const sys::AddressInfo& address : netlink.addresses()) {
        if (const zone::Ipv4Network used{address.address, address.prefix}; overlap(network.address, used)) {
            refuse(used.str(), address.link);
        }
    }
    for (const sys::RouteInfo& route : netlink.routes()) {
        const zone::Ipv4Network used{route.address, route.prefix};
        if (route.prefix > everywhere && overlap(network.address, used)) {
            refuse("the route to " + used.str(), route.link);
        }
    }
}

sys::GuardedPort guardedPort(const platform::NicSpec& nic) {
    return {nic.hostName, nic.mac, nic.address ? std::optional(nic.address->address) : std::nullopt};
}

/// The managed interfaces of zones that are up or coming up, from their run records: what they own is written there.
std::vector<platform::NicSpec> activePorts(const Host& host) {
    std::vector<platform::NicSpec> ports;
    for (const std::string& zone : sys::listDirectory(host.paths.runZones)) {
        try {
            const auto record = platform::RunRecord::find(host.runFolder(zone) + "/record");
            for (const platform::NicSpec& nic : record ? record->zone().spec.nics : std::vector<platform::NicSpec>{}) {
                if (nic.managed) {
                    ports.push_back(nic);
                }
            }
        } catch (const sys::Error& error) {
            spdlog::warn("zone {}: {}", zone, error.what());
        }
    }
    return ports;
}

} // namespace

void Network::restorePorts() {
    const std::vector<platform::NicSpec> ports = activePorts(host_);
    if (ports.empty()) {
        return;
    }
    sys::Netlink netlink;
    std::map<std::string, sys::LinkInfo> links;
    for (sys::LinkInfo& link : netlink.links()) {
        links[link.name] = std::move(link);
    }
    std::vector<sys::GuardedPort> guards;
    for (const platform::NicSpec& nic : ports) {
        // one that is down has just been made, or is going, and its guard with it
        if (const auto link = links.find(nic.hostName); link == links.end() || link->second.up) {
            guards.push_back(guardedPort(nic));
        }
    }
    sys::addGuards(host_.settings.nftTable, guards);
    const std::uint32_t bridge = links[host_.settings.network.bridge].index;
    for (const platform::NicSpec& nic : ports) {
        const auto link = links.find(nic.hostName);
        if (bridge == 0 || link == links.end()) {
            continue;
        }
        const bool elsewhere = link->second.master != bridge;
        if (elsewhere) {
            netlink.setMaster(link->second.index, nic.hostName, bridge);
        }
        if (elsewhere || !sys::Netlink::isSet(link->second, true)) { // by somebody else, or by an earlier version
            netlink.setPort(link->second.index, nic.hostName, nic.mac);
        }
    }
}

void Network::ensure() {
    if (make()) {
        restorePorts();
    }
}

void Network::repair() {
    (void)make();
    restorePorts();
}

/// True where anything was amiss that ports of zones depend on.
bool Network::make() {
    const store::Settings::Network& network = host_.settings.network;
    sys::Netlink netlink;
    bool anew = makeBridge(netlink);
    anew |= ensureTables();
    const bool rerouted = !routeWatch_ || routeWatch_->take();
    if (network.masquerade && (anew || rerouted || !routed_)) {
        forwarding_.open();
        routed_ = true;
    }
    if (anew) {
        spdlog::info("the managed network {} was made or repaired", network.bridge);
    }
    return anew;
}

bool Network::makeBridge(sys::Netlink& netlink) {
    const store::Settings::Network& network = host_.settings.network;
    auto bridge = netlink.link(network.bridge);
    const bool anew = !bridge;
    if (anew) {
        refuseOverlap(netlink, network);
        netlink.createBridge(network.bridge, stableMac("bridge/" + network.bridge));
        bridge = netlink.link(network.bridge);
    } else if (bridge->learnsFromReserved || bridge->snoops) { // an earlier version's, or the administrator's
        netlink.tameBridge(network.bridge);
    }
    if (bridge && bridge->index != bridge_) {
        takeNoConfiguration(network.bridge);
        bridge_ = bridge->index;
    }
    // also where it is there: a service that was killed here left it without, and the setting may be a new one
    netlink.addAddress(network.bridge, network.address.address, network.address.prefix);
    netlink.setUp(network.bridge);
    return anew;
}

/// Reading all rules and comparing them takes longer than the rest of a boot's preparation, so it is done once, and again
/// only after somebody touched them. True where something was amiss.
bool Network::ensureTables() {
    const bool touched = watch_ && watch_->take() != sys::NftWatch::News::none;
    if (intact_ && !touched) {
        return false;
    }
    const store::Settings::Network& network = host_.settings.network;
    const bool anew = sys::ensureNetworkTables({host_.settings.nftTable, network.bridge,
                                                network.address.address & network.address.mask(),
                                                network.address.prefix, network.masquerade, network.connections});
    intact_ = watch_ && !anew;
    return anew;
}

void Network::ensureFor(const zone::Definition& definition) {
    bool managed = false;
    bool open = false;
    for (const zone::Nic& nic : definition.network) {
        open |= nic.bridge.has_value();
        if (!nic.bridge) {
            managed = true;
            continue;
        }
        sys::Netlink host;
        const auto bridge = host.linkIndex(*nic.bridge);
        if (bridge && bridge == host.linkIndex(host_.settings.network.bridge)) { // by another name of it
            throw zone::Fault(zone::FaultKind::failed, "the bridge '" + *nic.bridge + "' that interface " + nic.name +
                                                           " of zone " + definition.zone +
                                                           " is to join is the managed one; leave the key bridge out");
        }
        if (!bridge) {
            throw zone::Fault(zone::FaultKind::failed, "the bridge '" + *nic.bridge + "' that interface " + nic.name +
                                                           " of zone " + definition.zone +
                                                           " is to join does not exist on this host");
        }
    }
    if (managed) {
        ensure();
    } else if (open && ensureTables()) { // also these ports let nothing into the host past their bridge
        restorePorts();
    }
}

void Network::removeStrayGuards() {
    constexpr int attempts = 20;
    removeStrayGuards(attempts);
}

void Network::removeStrayGuards(int attempts) {
    constexpr std::chrono::milliseconds pause{500};
    bool going = false;
    try {
        std::set<std::string> owned;
        std::set<std::string> there;
        const auto look = [&] {
            for (const platform::NicSpec& nic : activePorts(host_)) {
                owned.insert(nic.hostName);
            }
            for (const sys::LinkInfo& link : sys::Netlink().links()) {
                there.insert(link.name);
            }
        };
        sys::removeStrayGuards(host_.settings.nftTable, [&](const std::string& ifName) {
            if (there.empty()) { // not before the guards were listed: a boot notes its ports before it guards them
                look();
            }
            const bool stray = !owned.contains(ifName);
            going = going || (stray && there.contains(ifName));
            return stray && !there.contains(ifName);
        });
    } catch (const sys::Error& error) {
        spdlog::warn("{}", error.what());
    }
    if (going && attempts > 0) {
        strays_ = loop_.after(pause, [this, attempts] { removeStrayGuards(attempts - 1); });
    }
}

void Network::watch(std::function<void()> taken) {
    watch_.emplace(host_.settings.nftTable);
    watchSource_ = loop_.watch(watch_->fd(), EPOLLIN, [this, taken = std::move(taken)](std::uint32_t) {
        const sys::NftWatch::News news = watch_->take();
        intact_ = intact_ && news == sys::NftWatch::News::none;
        if (news == sys::NftWatch::News::deleted) {
            settled_ = loop_.after(settle, taken);
        }
    });
    routeWatch_.emplace();
    routeSource_ = loop_.watch(routeWatch_->fd(), EPOLLIN, [this](std::uint32_t) {
        if (routeWatch_->take()) {
            routed_ = false;
            rerouted_ = loop_.after(settle, [this] { followRoutes(); });
        }
    });
}

/// An uplink has come, or somebody has turned forwarding on or off for all links.
void Network::followRoutes() {
    if (routed_ || !host_.settings.network.masquerade || !zonesLeft()) {
        return; // the next boot looks
    }
    try {
        forwarding_.open();
        routed_ = true;
    } catch (const sys::Error& error) {
        spdlog::error("zones may be cut off from other networks: {}", error.what());
    }
}

bool Network::zonesLeft() const {
    return !sys::listDirectory(host_.paths.runZones).empty();
}

void Network::zoneEnded() {
    constexpr std::chrono::seconds rest{1}; // many end together, and some are about to be booted again
    if (resting_) {
        return;
    }
    resting_ = loop_.after(rest, [this] {
        resting_.reset();
        try {
            if (!zonesLeft()) {
                routed_ = false;
                forwarding_.close();
            }
        } catch (const sys::Error& error) {
            spdlog::error("{}", error.what());
        }
    });
}

} // namespace zoned::daemon
