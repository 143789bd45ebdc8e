#include "network.hpp"

#include <sys/epoll.h>

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
}

/// A network that is in use already would take the host's own traffic away, or never get any.
void refuseOverlap(sys::Netlink& netlink, const store::Settings::Network& network) {
    for (const sys::AddressInfo& other : netlink.addresses()) {
        const zone::Ipv4Network used{other.address, other.prefix};
        if (!network.address.contains(other.address) && !used.contains(network.address.address)) {
            continue;
        }
        std::string link = "an interface";
        for (const sys::LinkInfo& info : netlink.links()) {
            link = info.index == other.link ? info.name : link;
        }
        throw zone::Fault(zone::FaultKind::failed,
                          sys::join("the managed network ", network.address.str(), " overlaps ", used.str(), " of ",
                                    link, "; give zones another one: network.address in zoned.yaml"));
    }
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
    const auto bridge = netlink.linkIndex(host_.settings.network.bridge);
    for (const platform::NicSpec& nic : ports) {
        // the guard first: no packet passes unguarded
        sys::addGuard(host_.settings.nftTable,
                      {nic.hostName, nic.mac, nic.address ? std::optional(nic.address->address) : std::nullopt});
        if (bridge && netlink.linkIndex(nic.hostName)) {
            netlink.setMaster(nic.hostName, *bridge);
        }
    }
}

void Network::ensure() {
    const store::Settings::Network& network = host_.settings.network;
    sys::Netlink netlink;
    bool anew = !netlink.linkIndex(network.bridge);
    if (anew) {
        refuseOverlap(netlink, network);
        makeBridge(netlink, network);
    }
    // also where it is there: a service that was killed here left it without, and the setting may be a new one
    netlink.addAddress(network.bridge, network.address.address, network.address.prefix);
    netlink.setUp(network.bridge);
    if (network.masquerade && sys::readFile(forwarding).value_or("1").starts_with('0')) {
        sys::writeKernelFile(forwarding, "1");
    }
    anew |= ensureTables();
    if (anew) {
        spdlog::info("the managed network {} was made or repaired", network.bridge);
        restorePorts();
    }
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
                                                network.address.prefix, network.masquerade});
    intact_ = watch_ && !anew;
    return anew;
}

void Network::ensureFor(const zone::Definition& definition) {
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
        ensure();
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
        for (const platform::NicSpec& nic : activePorts(host_)) {
            owned.insert(nic.hostName);
        }
        sys::Netlink links;
        sys::removeStrayGuards(host_.settings.nftTable, [&](const std::string& ifName) {
            const bool there = !owned.contains(ifName) && links.linkIndex(ifName);
            going = going || there;
            return !owned.contains(ifName) && !there;
        });
    } catch (const sys::Error& error) {
        spdlog::warn("{}", error.what());
    }
    if (going && attempts > 0) {
        strays_ = loop_.after(pause, [this, attempts] { removeStrayGuards(attempts - 1); });
    }
}

void Network::watch(std::function<void()> taken) {
    // a reload deletes and makes many rules: one look at its end is enough
    constexpr std::chrono::milliseconds settle{100};
    watch_.emplace(host_.settings.nftTable);
    watchSource_ = loop_.watch(watch_->fd(), EPOLLIN, [this, settle, taken = std::move(taken)](std::uint32_t) {
        const sys::NftWatch::News news = watch_->take();
        intact_ = intact_ && news == sys::NftWatch::News::none;
        if (news == sys::NftWatch::News::deleted) {
            settled_ = loop_.after(settle, taken);
        }
    });
}

} // namespace zoned::daemon
