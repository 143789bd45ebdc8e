// The managed network of the host: the bridge, its address, forwarding and the
// firewall tables. Made before the first boot that needs it, and looked after
// at each later one, since an administrator may reload the host's own rules.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "forwarding.hpp"
#include "host.hpp"
#include "sys/event_loop.hpp"
#include "sys/netlink.hpp"
#include "sys/nft_watch.hpp"
#include "sys/route_watch.hpp"
#include "zone/definition.hpp"

namespace zoned::daemon {

class Network {
public:
    Network(sys::EventLoop& loop, const Host& host) : loop_(loop), host_(host), forwarding_(host) {}

    /// Makes or repairs what the managed network consists of, with the ports and guards of the zones that are active.
    /// Throws sys::Error.
    void ensure();
    /// What the definition's interfaces need of the host: the managed network, or the administrator's own bridges.
    /// Throws Fault failed, naming the bridge that does not exist.
    void ensureFor(const zone::Definition& definition);
    /// As ensure(), and puts the active zones' ports back into the bridge and their guards into the packet filter, where
    /// an administrator took them away while nobody looked. Throws sys::Error.
    void repair();
    /// Takes guards away that no active zone's run record names and whose link is gone; where one is going, that is tried
    /// again in a while: the kernel takes the network of a dead zone down at its leisure. Faults are logged.
    void removeStrayGuards();
    /// From now on calls `taken` a moment after somebody took some of the tables' rules away, and follows the host's routes.
    void watch(std::function<void()> taken);
    /// A zone has stopped, or none may be up: the last one takes forwarding with it, after a moment.
    void zoneEnded();

private:
    [[nodiscard]] bool make();
    [[nodiscard]] bool makeBridge(sys::Netlink& netlink);
    [[nodiscard]] bool ensureTables();
    void restorePorts();
    void followRoutes();
    [[nodiscard]] bool zonesLeft() const;
    void removeStrayGuards(int attempts);

    sys::EventLoop& loop_;
    const Host& host_;
    Forwarding forwarding_;
    std::optional<sys::NftWatch> watch_;
    std::optional<sys::RouteWatch> routeWatch_;
    sys::EventLoop::Source routeSource_;
    sys::EventLoop::Source rerouted_;
    sys::EventLoop::Source resting_;
    sys::EventLoop::Source watchSource_;
    sys::EventLoop::Source settled_;
    sys::EventLoop::Source strays_;
    std::uint32_t bridge_ = 0; // index of the bridge that was found right
    bool routed_ = false;      // forwarding is as the routes want it
    bool intact_ = false;      // the tables were found right, and have not been touched since
};

} // namespace zoned::daemon
