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
// RCU grace periods, 16-25 ms each. A zone's veth dies with its namespace;
// deleteLink() is for leaks that recovery finds.
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
};

/// What a zone's link gets from inside its namespace.
struct NicSetup {
    std::string name;
    std::optional<std::uint32_t> address; ///< IPv4, host byte order
    int prefix = 0;                       ///< 0...32, of the address
    std::optional<std::uint32_t> gateway; ///< IPv4 default route, host byte order
};

struct LinkInfo {
    std::uint32_t index = 0;
    std::string name;
    std::string kind;         ///< "bridge", "veth", ...; empty for hardware and lo
    bool up = false;          ///< set up by its administrator (IFF_UP)
    std::uint32_t master = 0; ///< index of the bridge it is a port of; 0 for none
    std::vector<std::string> altNames;
};

struct AddressInfo {
    std::uint32_t link = 0;    ///< index
    std::uint32_t address = 0; ///< IPv4, host byte order
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
    /// Makes both ends, the host end up and in its bridge, by one request, and then adds altName (a taken one is
    /// passed over: the name of the zone's last boot may linger while its namespace dies).
    void createVeth(const VethSpec& spec);
    /// A bridge with a fixed MAC (else it follows its ports') and without STP, down. An existing bridge stays as it
    /// is; Error EEXIST where the name belongs to another kind of link.
    void createBridge(const std::string& name, const std::string& mac);
    void setUp(const std::string& link);
    /// Makes the link a port of the bridge; it may be one already.
    void setMaster(const std::string& link, std::uint32_t bridgeIndex);
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

private:
    explicit Netlink(NetlinkSocket socket);

    void dump(const std::function<NetlinkMessage()>& request, const std::function<void()>& restart,
              const std::function<void(nlmsghdr*)>& each, std::string_view action);
    std::uint32_t requireIndex(const std::string& link, std::string_view action);
    void setUp(std::uint32_t index, const std::string& link);
    void addAddress(std::uint32_t index, const std::string& link, std::uint32_t address, int prefix);
    void addDefaultRoute(std::uint32_t gateway, std::uint32_t index, const std::string& link);
    void addAltName(const VethSpec& spec);

    NetlinkSocket socket_;
};

/// A text such as "02:00:5e:00:53:01" as six bytes; Error EINVAL otherwise.
[[nodiscard]] MacAddress parseMac(std::string_view text);

} // namespace zoned::sys
