// Network links, addresses and routes over rtnetlink.
//
// libnl-3's core only builds and parses messages; libnl-route, which would
// wrap these few requests too, is left out on purpose: the constructors of its
// hundred object types run at every start of the static supervisor.
//
// A Netlink speaks for the network namespace in which its socket was opened,
// for ever, whatever namespace the thread enters later. So a zone's inside is
// set up by Netlink::inNamespace() from the host, without a helper process.
//
// Nobody should delete a link on the way of a halt: RTM_DELLINK waits for
// RCU grace periods, 16-25 ms and more, and taking a port out of its bridge for
// one, 8 ms. A zone's veth is set down, which takes 0.2 ms, and dies with its
// namespace; deleteLink() is for leaks that recovery finds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sys/netlink_message.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::sys {

/// Longest name of a link, IFNAMSIZ without its end byte.
inline constexpr std::size_t maximalLinkName = 15;
/// Longest alternative name, ALTIFNAMSIZ without its end byte.
inline constexpr std::size_t maximalAltName = 127;

/// A pair of links: one end on the host, in a bridge or alone, the other in a zone.
struct VethSpec {
    std::string hostName;          ///< at most maximalLinkName bytes
    std::string altName;           ///< a second, longer name of the host end; empty for none
    std::uint32_t bridgeIndex = 0; ///< the bridge the host end joins; 0 for none
    std::string peerName;          ///< the end in the zone, at most maximalLinkName bytes
    std::string peerMac;           ///< "02:00:5e:00:53:01"; empty lets the kernel choose
    int peerNetns = -1;            ///< descriptor of the peer's network namespace; borrowed
    std::uint32_t mtu = 0;         ///< of both ends; 0 lets the kernel choose
    bool onlyPeerMac = false;      ///< the bridge believes that peerMac is behind the port, and nothing that is sent
    std::string altNameOwners;     ///< a link whose name begins so gives the altName up; empty for none
};

/// What a zone's link gets from inside its namespace.
struct NicSetup {
    std::string name;
    std::optional<std::uint32_t> address; ///< IPv4, host byte order
    int prefix = 0;                       ///< 0...32, of the address
    std::optional<std::uint32_t> gateway; ///< IPv4 default route, host byte order
    bool linkLocal = true;                ///< whether the kernel gives it an IPv6 address of the link by itself
};

struct LinkInfo {
    std::uint32_t index = 0;
    std::string name;
    std::string kind;         ///< "bridge", "veth", ...; empty for hardware and lo
    bool up = false;          ///< set up by its administrator (IFF_UP)
    std::uint32_t master = 0; ///< index of the bridge it is a port of; 0 for none
    std::uint32_t mtu = 0;
    std::vector<std::string> altNames;
    // of a port of a bridge
    bool learning = false;             ///< its bridge learns which addresses are behind it
    std::uint16_t forwardedGroups = 0; ///< the reserved groups that are forwarded as all others, by their last digit
    // of a bridge
    bool learnsFromReserved = false; ///< also the source of frames to reserved groups
    bool snoops = false;             ///< it keeps a list of who has joined which group
};

struct AddressInfo {
    std::uint32_t link = 0;    ///< index
    std::uint32_t address = 0; ///< IPv4, host byte order
    std::uint8_t prefix = 0;
};

/// One way of a route; one with several ways is told as several.
struct RouteInfo {
    std::uint32_t link = 0;    ///< index
    std::uint32_t address = 0; ///< of the network that it leads to: IPv4, host byte order
    std::uint8_t prefix = 0;
};

/// What went over a link since it was made, as its own namespace sees it.
struct LinkCounters {
    std::string kind; ///< as LinkInfo's
    bool loopback = false;
    bool port = false; ///< it has a master: a bridge, a bond
    std::uint64_t rxBytes = 0, rxPackets = 0, txBytes = 0, txPackets = 0;
};

class Netlink {
public:
    /// Speaks for the caller's network namespace.
    Netlink();
    /// Speaks for the namespace behind the descriptor. The calling thread is back in its own on return, also by an
    /// exception; where the way back fails (it cannot, short of a bug) the process ends.
    [[nodiscard]] static Netlink inNamespace(int netnsFd);

    /// Nothing where no link has this name or alternative name.
    [[nodiscard]] std::optional<std::uint32_t> linkIndex(const std::string& name);
    /// Nothing where no link has this name or alternative name.
    [[nodiscard]] std::optional<LinkInfo> link(const std::string& name);
    /// Makes both ends, the host end in its bridge as setPort() has it, and then sets that up. An
    /// altName that a link of altNameOwners holds (the zone's last boot, whose namespace is dying) is taken from it; one
    /// that another link holds is passed over, since two services on a machine may have zones of one name.
    void createVeth(const VethSpec& spec);
    /// A bridge with a fixed MAC (else it follows its ports'), without STP and as tameBridge() has it, down. An existing
    /// bridge stays as it is; Error EEXIST where the name belongs to another kind of link.
    void createBridge(const std::string& name, const std::string& mac);
    /// The bridge learns nothing from frames to reserved groups, and keeps no list of who has joined which group, which
    /// its ports could fill.
    void tameBridge(const std::string& name);
    void setUp(const std::string& link);
    /// What the link receives from now on is dropped, whatever its peer does. An absent link is fine.
    void setDown(const std::string& link);
    /// Makes the link a port of the bridge; it may be one already. A port's settings fall back when it joins.
    void setMaster(std::uint32_t link, const std::string& name, std::uint32_t bridgeIndex);
    /// The port has no IPv6 of its own. What is sent to reserved groups is forwarded as all else, and so passes the packet
    /// filter. With a MAC address the bridge takes that one to be behind the port, forgets others and learns none.
    void setPort(std::uint32_t link, const std::string& name, const std::string& onlyMac);
    /// Whether a port is as setPort() makes it.
    [[nodiscard]] static bool isSet(const LinkInfo& port, bool onlyMac) noexcept;
    /// @param address IPv4 in host byte order; one that is there already is fine
    void addAddress(const std::string& link, std::uint32_t address, int prefix);
    /// @param gateway IPv4 in host byte order; a default route by the same gateway is fine, another is an Error
    void addDefaultRoute(std::uint32_t gateway, const std::string& link);
    /// lo up, then for each link: up, address, default route.
    void bringUp(const std::vector<NicSetup>& links);
    /// Slow (see above). An absent link is fine.
    void deleteLink(const std::string& name);
    [[nodiscard]] std::vector<LinkInfo> links();
    /// Of all links by their names, by one dump; links that come and go meanwhile may be missing.
    [[nodiscard]] std::map<std::string, LinkCounters> counters();
    /// Of one link; nothing where there is none of the name.
    [[nodiscard]] std::optional<LinkCounters> counters(const std::string& link);
    /// The IPv4 addresses of all links.
    [[nodiscard]] std::vector<AddressInfo> addresses();
    /// The IPv4 routes to other hosts, of all tables. A default one leads to 0.0.0.0/0.
    [[nodiscard]] std::vector<RouteInfo> routes();

private:
    explicit Netlink(NetlinkSocket socket);

    void dump(const std::function<NetlinkMessage()>& request, const std::function<void()>& restart,
              const std::function<void(nlmsghdr*)>& each, std::string_view action);
    std::uint32_t requireIndex(const std::string& link, std::string_view action);
    void setUp(std::uint32_t index, const std::string& link);
    void withoutLinkLocal(std::uint32_t index, const std::string& link);
    void addAddress(std::uint32_t index, const std::string& link, std::uint32_t address, int prefix);
    void addDefaultRoute(std::uint32_t gateway, std::uint32_t index, const std::string& link);
    void addAltName(const VethSpec& spec);
    int changeAltName(std::uint16_t type, std::uint16_t flags, const std::string& link, const std::string& altName);
    void addStaticNeighbour(std::uint32_t link, const std::string& name, const std::string& mac);

    NetlinkSocket socket_;
};

/// A text such as "02:00:5e:00:53:01" as six bytes; Error EINVAL otherwise.
[[nodiscard]] MacAddress parseMac(std::string_view text);

} // namespace zoned::sys
