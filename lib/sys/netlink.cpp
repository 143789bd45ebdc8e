#include "sys/netlink.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>

#include <algorithm>
#include <cstring>
#include <exception>

#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/undo.hpp"

namespace zoned::sys {

namespace {

static_assert(maximalLinkName + 1 == IFNAMSIZ);

void checkLinkName(const std::string& name) {
    if (name.empty() || name.size() > maximalLinkName || name.find_first_of("/: \t\n") != std::string::npos ||
        name == "." || name == "..") {
        throw Error(join("using \"", name, "\" as a link's name"), EINVAL);
    }
}

/// A message about one link, by its index or (with 0) by names that follow.
NetlinkMessage linkMessage(std::uint16_t type, std::uint16_t flags, std::uint32_t index = 0) {
    NetlinkMessage message(type, flags);
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = static_cast<int>(index);
    message.header(header);
    return message;
}

/// A request to make a link, down.
NetlinkMessage newLinkMessage() {
    return linkMessage(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
}

/// A request to set a link up, or down; with the index 0 its name follows.
NetlinkMessage upMessage(std::uint32_t index, unsigned int flags) {
    NetlinkMessage message(RTM_NEWLINK, 0);
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = static_cast<int>(index);
    header.ifi_flags = flags;
    header.ifi_change = IFF_UP;
    message.header(header);
    return message;
}

/// Asks by the name, and where there is none by the alternative name.
void putAnyName(NetlinkMessage& message, const std::string& name) {
    // One over IFNAMSIZ can only be an alternative one, and IFLA_ALT_IFNAME alone finds both kinds.
    message.putText(IFLA_ALT_IFNAME, name);
}

std::string dotted(std::uint32_t address) {
    const in_addr network{htonl(address)};
    std::array<char, INET_ADDRSTRLEN> text{};
    inet_ntop(AF_INET, &network, text.data(), text.size());
    return text.data();
}

void readProperties(nlattr* list, LinkInfo& info) {
    int left = nla_len(list);
    for (auto* item = static_cast<nlattr*>(nla_data(list)); nla_ok(item, left) != 0; item = nla_next(item, &left)) {
        if (nla_type(item) == IFLA_ALT_IFNAME) {
            info.altNames.emplace_back(nla_get_string(item));
        }
    }
}

/// All reserved groups but the one for pauses, whose frames the kernel drops and refuses to forward.
constexpr std::uint16_t reservedGroups = 0xfffd;
constexpr std::uint32_t noLearningFromReserved = 1U << BR_BOOLOPT_NO_LL_LEARN;

void readPort(nlattr* data, LinkInfo& info) {
    nlattr* const start = static_cast<nlattr*>(nla_data(data));
    if (nlattr* const learning = nla_find(start, nla_len(data), IFLA_BRPORT_LEARNING)) {
        info.learning = nla_get_u8(learning) != 0;
    }
    if (nlattr* const groups = nla_find(start, nla_len(data), IFLA_BRPORT_GROUP_FWD_MASK)) {
        info.forwardedGroups = nla_get_u16(groups);
    }
}

void readBridge(nlattr* data, LinkInfo& info) {
    nlattr* const start = static_cast<nlattr*>(nla_data(data));
    if (nlattr* const options = nla_find(start, nla_len(data), IFLA_BR_MULTI_BOOLOPT)) {
        br_boolopt_multi value{};
        std::memcpy(&value, nla_data(options), std::min(sizeof value, static_cast<std::size_t>(nla_len(options))));
        info.learnsFromReserved = (value.optval & noLearningFromReserved) == 0;
    }
    if (nlattr* const snooping = nla_find(start, nla_len(data), IFLA_BR_MCAST_SNOOPING)) {
        info.snoops = nla_get_u8(snooping) != 0;
    }
}

/// What kind of link it is, and of a bridge and its ports how they are set.
void readKind(nlattr* about, LinkInfo& info) {
    nlattr* const start = static_cast<nlattr*>(nla_data(about));
    const auto text = [&](int attribute) {
        nlattr* const found = nla_find(start, nla_len(about), attribute);
        return found == nullptr ? std::string() : std::string(nla_get_string(found));
    };
    info.kind = text(IFLA_INFO_KIND);
    nlattr* const data = nla_find(start, nla_len(about), IFLA_INFO_DATA);
    if (data != nullptr && info.kind == "bridge") {
        readBridge(data, info);
    }
    nlattr* const port = nla_find(start, nla_len(about), IFLA_INFO_SLAVE_DATA);
    if (port != nullptr && text(IFLA_INFO_SLAVE_KIND) == "bridge") {
        readPort(port, info);
    }
}

LinkInfo readLink(nlmsghdr* message) {
    LinkInfo info;
    const auto* header = static_cast<const ifinfomsg*>(nlmsg_data(message));
    info.index = static_cast<std::uint32_t>(header->ifi_index);
    info.up = (header->ifi_flags & IFF_UP) != 0;
    nlattr* attribute = nlmsg_attrdata(message, sizeof(ifinfomsg));
    int left = nlmsg_attrlen(message, sizeof(ifinfomsg));
    for (; nla_ok(attribute, left) != 0; attribute = nla_next(attribute, &left)) {
        switch (nla_type(attribute)) {
        case IFLA_IFNAME:
            info.name = nla_get_string(attribute);
            break;
        case IFLA_MASTER:
            info.master = nla_get_u32(attribute);
            break;
        case IFLA_PROP_LIST:
            readProperties(attribute, info);
            break;
        case IFLA_MTU:
            info.mtu = nla_get_u32(attribute);
            break;
        case IFLA_LINKINFO:
            readKind(attribute, info);
            break;
        default:
            break;
        }
    }
    return info;
}

LinkCounters readCounters(nlmsghdr* message, const LinkInfo& info) {
    LinkCounters counters;
    counters.kind = info.kind;
    counters.port = info.master != 0;
    counters.loopback = (static_cast<const ifinfomsg*>(nlmsg_data(message))->ifi_flags & IFF_LOOPBACK) != 0;
    const nlattr* attribute = nlmsg_find_attr(message, sizeof(ifinfomsg), IFLA_STATS64);
    // a later kernel's is longer; what we read has been at its beginning since the first
    rtnl_link_stats64 stats{};
    if (attribute != nullptr) {
        std::memcpy(&stats, nla_data(attribute), std::min(sizeof stats, static_cast<std::size_t>(nla_len(attribute))));
    }
    counters.rxBytes = stats.rx_bytes;
    counters.rxPackets = stats.rx_packets;
    counters.txBytes = stats.tx_bytes;
    counters.txPackets = stats.tx_packets;
    return counters;
}

std::optional<LinkInfo> findLink(NetlinkSocket& socket, const std::string& name) {
    NetlinkMessage message = linkMessage(RTM_GETLINK, 0);
    putAnyName(message, name);
    std::optional<LinkInfo> found;
    const int code = socket.query(message, [&](nlmsghdr* answer) {
        if (answer->nlmsg_type == RTM_NEWLINK) {
            found = readLink(answer);
        }
    });
    if (code == ENODEV) {
        return std::nullopt;
    }
    if (code != 0) {
        throw Error(join("looking up the link ", name), code);
    }
    return found;
}

} // namespace

Netlink::Netlink() : socket_(NETLINK_ROUTE) {}

Netlink::Netlink(NetlinkSocket socket) : socket_(std::move(socket)) {}

Netlink Netlink::inNamespace(int netnsFd) {
    const UniqueFd home(
        check(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "opening the own network namespace"));
    check(setns(netnsFd, CLONE_NEWNET), "entering the zone's network namespace");
    const Undo back([&home] {
        if (setns(home.get(), CLONE_NEWNET) != 0) {
            std::terminate(); // whatever came next would configure the zone's network for the host's
        }
    });
    return Netlink(NetlinkSocket(NETLINK_ROUTE));
}

std::optional<std::uint32_t> Netlink::linkIndex(const std::string& name) {
    const std::optional<LinkInfo> link = findLink(socket_, name);
    return link ? std::optional(link->index) : std::nullopt;
}

std::optional<LinkInfo> Netlink::link(const std::string& name) {
    return findLink(socket_, name);
}

std::uint32_t Netlink::requireIndex(const std::string& link, std::string_view action) {
    if (const std::optional<std::uint32_t> index = linkIndex(link)) {
        return *index;
    }
    throw Error(join(action, " ", link), ENODEV);
}

namespace {

/// As many as are used. Left to itself the kernel makes one for each processor and then reduces them to one, for which
/// it waits for an RCU grace period, with the lock of all network settings held.
void putOneQueue(NetlinkMessage& message) {
    message.putU32(IFLA_NUM_TX_QUEUES, 1);
    message.putU32(IFLA_NUM_RX_QUEUES, 1);
}

} // namespace

namespace {

/// A port without an IPv6 stack of its own takes no router's word for the host's configuration. Netlink cannot say it.
/// Before it is up: from then on the stack listens.
void withoutIpv6(const std::string& link) {
    const std::string setting = join("/proc/sys/net/ipv6/conf/", link, "/disable_ipv6");
    if (exists(setting)) {
        writeKernelFile(setting, "1");
    }
}

} // namespace

void Netlink::createVeth(const VethSpec& spec) {
    checkLinkName(spec.hostName);
    checkLinkName(spec.peerName);
    if (spec.altName.size() > maximalAltName) {
        throw Error(join("using \"", spec.altName, "\" as a link's alternative name"), ENAMETOOLONG);
    }
    NetlinkMessage message = newLinkMessage();
    message.putText(IFLA_IFNAME, spec.hostName);
    putOneQueue(message);
    // from the first moment on: a bridge takes the smallest MTU among its ports for its own
    if (spec.mtu != 0) {
        message.putU32(IFLA_MTU, spec.mtu);
    }
    if (spec.bridgeIndex != 0) {
        message.putU32(IFLA_MASTER, spec.bridgeIndex);
    }
    message.nest(IFLA_LINKINFO, [&] {
        message.putText(IFLA_INFO_KIND, "veth");
        message.nest(IFLA_INFO_DATA, [&] {
            message.nest(VETH_INFO_PEER, [&] {
                const ifinfomsg peer{}; // not up: refused (ENOTCONN) before both ends exist
                message.append(&peer, sizeof peer);
                message.putText(IFLA_IFNAME, spec.peerName);
                putOneQueue(message);
                if (spec.mtu != 0) {
                    message.putU32(IFLA_MTU, spec.mtu);
                }
                if (!spec.peerMac.empty()) {
                    message.put(IFLA_ADDRESS, parseMac(spec.peerMac));
                }
                message.putU32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(spec.peerNetns));
            });
        });
    });
    const std::string place = spec.bridgeIndex == 0 ? "" : join(" in the bridge with index ", spec.bridgeIndex);
    socket_.perform(message, join("making the veth ", spec.hostName, place));
    const std::uint32_t index = requireIndex(spec.hostName, "setting up the veth");
    if (spec.bridgeIndex != 0) {
        setPort(index, spec.hostName, spec.onlyPeerMac ? spec.peerMac : "");
    }
    if (!spec.altName.empty()) {
        addAltName(spec);
    }
    setUp(index, spec.hostName);
}

int Netlink::changeAltName(std::uint16_t type, std::uint16_t flags, const std::string& link,
                           const std::string& altName) {
    // IFLA_PROP_LIST is only read by RTM_NEWLINKPROP; RTM_NEWLINK passes over it in silence.
    NetlinkMessage message = linkMessage(type, flags);
    message.putText(IFLA_IFNAME, link);
    message.nest(IFLA_PROP_LIST | NLA_F_NESTED, [&] { message.putText(IFLA_ALT_IFNAME, altName); });
    return socket_.request(message);
}

void Netlink::addAltName(const VethSpec& spec) {
    const auto add = [&] {
        return changeAltName(RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_APPEND | NLM_F_EXCL, spec.hostName, spec.altName);
    };
    int code = add();
    if (code == EEXIST && !spec.altNameOwners.empty()) {
        const std::optional<LinkInfo> holder = findLink(socket_, spec.altName);
        if (!holder || holder->name.starts_with(spec.altNameOwners)) {
            // one that has gone meanwhile has given it up, too
            (void)(holder ? changeAltName(RTM_DELLINKPROP, 0, holder->name, spec.altName) : 0);
            code = add();
        }
    }
    if (code != 0 && code != EEXIST) {
        throw Error(join("naming the veth ", spec.hostName, " also ", spec.altName), code);
    }
}

void Netlink::setPort(std::uint32_t link, const std::string& name, const std::string& onlyMac) {
    withoutIpv6(name);
    NetlinkMessage message(RTM_SETLINK, 0);
    ifinfomsg header{};
    header.ifi_family = AF_BRIDGE;
    header.ifi_index = static_cast<int>(link);
    message.header(header);
    message.nest(IFLA_PROTINFO | NLA_F_NESTED, [&] {
        message.putU16(IFLA_BRPORT_GROUP_FWD_MASK, reservedGroups);
        if (!onlyMac.empty()) {
            message.putU8(IFLA_BRPORT_LEARNING, 0);
            message.putU8(IFLA_BRPORT_UNICAST_FLOOD, 0);
            message.put(IFLA_BRPORT_FLUSH, nullptr, 0);
        }
    });
    socket_.perform(message, join("setting up the bridge port ", name));
    if (!onlyMac.empty()) {
        addStaticNeighbour(link, name, onlyMac);
    }
}

void Netlink::addStaticNeighbour(std::uint32_t link, const std::string& name, const std::string& mac) {
    NetlinkMessage message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
    ndmsg header{};
    header.ndm_family = AF_BRIDGE;
    header.ndm_ifindex = static_cast<int>(link);
    header.ndm_state = NUD_NOARP;               // "static": it does not age
    header.ndm_flags = NTF_MASTER | NTF_STICKY; // nor does it move to another port that a frame from there comes in by
    message.header(header);
    message.put(NDA_LLADDR, parseMac(mac));
    socket_.perform(message, join("telling the bridge that ", mac, " is behind its port ", name));
}

bool Netlink::isSet(const LinkInfo& port, bool onlyMac) noexcept {
    return port.forwardedGroups == reservedGroups && !(onlyMac && port.learning);
}

namespace {

void putTamed(NetlinkMessage& message) {
    const br_boolopt_multi options{noLearningFromReserved, noLearningFromReserved};
    message.put(IFLA_BR_MULTI_BOOLOPT, &options, sizeof options);
    message.putU8(IFLA_BR_MCAST_SNOOPING, 0);
}

} // namespace

void Netlink::createBridge(const std::string& name, const std::string& mac) {
    checkLinkName(name);
    NetlinkMessage message = newLinkMessage();
    message.putText(IFLA_IFNAME, name);
    message.put(IFLA_ADDRESS, parseMac(mac));
    message.nest(IFLA_LINKINFO, [&] {
        message.putText(IFLA_INFO_KIND, "bridge");
        message.nest(IFLA_INFO_DATA, [&] {
            message.putU32(IFLA_BR_STP_STATE, 0);
            putTamed(message);
        });
    });
    const int code = socket_.request(message);
    if (code == EEXIST) {
        const std::optional<LinkInfo> present = findLink(socket_, name);
        if (present && present->kind == "bridge") {
            return;
        }
        throw Error(join("making the bridge ", name, " where a link that is no bridge has the name"), EEXIST);
    }
    if (code != 0) {
        throw Error(join("making the bridge ", name), code);
    }
}

void Netlink::tameBridge(const std::string& name) {
    NetlinkMessage message = linkMessage(RTM_NEWLINK, 0, requireIndex(name, "setting up the bridge"));
    message.nest(IFLA_LINKINFO, [&] {
        message.putText(IFLA_INFO_KIND, "bridge");
        message.nest(IFLA_INFO_DATA, [&] { putTamed(message); });
    });
    socket_.perform(message, join("setting up the bridge ", name));
}

void Netlink::setUp(const std::string& link) {
    const std::optional<LinkInfo> found = findLink(socket_, link);
    if (!found) {
        throw Error(join("setting up the link ", link), ENODEV);
    }
    if (!found->up) { // the kernel tells everybody of an up that changes nothing, too
        setUp(found->index, link);
    }
}

void Netlink::setUp(std::uint32_t index, const std::string& link) {
    NetlinkMessage message = upMessage(index, IFF_UP);
    socket_.perform(message, join("setting up the link ", link));
}

void Netlink::setDown(const std::string& link) {
    NetlinkMessage message = upMessage(0, 0);
    message.putText(IFLA_IFNAME, link);
    if (const int code = socket_.request(message); code != 0 && code != ENODEV) {
        throw Error(join("setting the link ", link, " down"), code);
    }
}

void Netlink::setMaster(std::uint32_t link, const std::string& name, std::uint32_t bridgeIndex) {
    NetlinkMessage message = linkMessage(RTM_NEWLINK, 0, link);
    message.putU32(IFLA_MASTER, bridgeIndex);
    socket_.perform(message, join("connecting the link ", name, " to its bridge"));
}

void Netlink::addAddress(const std::string& link, std::uint32_t address, int prefix) {
    addAddress(requireIndex(link, "adding an address to the link"), link, address, prefix);
}

void Netlink::addAddress(std::uint32_t index, const std::string& link, std::uint32_t address, int prefix) {
    const std::string action = join("adding the address ", dotted(address), "/", prefix, " to the link ", link);
    if (prefix < 0 || prefix > 32) {
        throw Error(action, EINVAL);
    }
    NetlinkMessage message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
    ifaddrmsg header{};
    header.ifa_family = AF_INET;
    header.ifa_prefixlen = static_cast<std::uint8_t>(prefix);
    header.ifa_scope = RT_SCOPE_UNIVERSE;
    header.ifa_index = index;
    message.header(header);
    const in_addr local{htonl(address)};
    message.put(IFA_LOCAL, &local, sizeof local);
    message.put(IFA_ADDRESS, &local, sizeof local);
    if (prefix < 31) { // RFC 3021: a /31 has no broadcast address
        const in_addr broadcast{htonl(address | (0xffffffffU >> prefix))};
        message.put(IFA_BROADCAST, &broadcast, sizeof broadcast);
    }
    const int code = socket_.request(message);
    if (code != 0 && code != EEXIST) {
        throw Error(action, code);
    }
}

void Netlink::addDefaultRoute(std::uint32_t gateway, const std::string& link) {
    addDefaultRoute(gateway, requireIndex(link, "adding a default route by the link"), link);
}

void Netlink::addDefaultRoute(std::uint32_t gateway, std::uint32_t index, const std::string& link) {
    const auto message = [&](std::uint16_t flags) {
        NetlinkMessage route(RTM_NEWROUTE, flags);
        rtmsg header{};
        header.rtm_family = AF_INET;
        header.rtm_table = RT_TABLE_MAIN;
        header.rtm_protocol = RTPROT_STATIC;
        header.rtm_scope = RT_SCOPE_UNIVERSE;
        header.rtm_type = RTN_UNICAST;
        route.header(header);
        const in_addr address{htonl(gateway)};
        route.put(RTA_GATEWAY, &address, sizeof address);
        route.putU32(RTA_OIF, index);
        return route;
    };
    NetlinkMessage fresh = message(NLM_F_CREATE | NLM_F_EXCL);
    int code = socket_.request(fresh);
    if (code == EEXIST) {
        // EXCL minds the destination alone. Without CREATE the kernel adds nothing, but says whether the very same
        // route is there (EEXIST) or another one (ENOENT).
        NetlinkMessage same = message(0);
        code = socket_.request(same) == EEXIST ? 0 : EEXIST;
    }
    if (code != 0) {
        throw Error(join("adding the default route by ", dotted(gateway), " over the link ", link), code);
    }
}

void Netlink::bringUp(const std::vector<NicSetup>& links) {
    setUp("lo");
    for (const NicSetup& nic : links) {
        const std::uint32_t index = requireIndex(nic.name, "setting up the link");
        if (!nic.linkLocal) {
            withoutLinkLocal(index, nic.name);
        }
        setUp(index, nic.name);
        if (nic.address) {
            addAddress(index, nic.name, *nic.address, nic.prefix);
        }
        if (nic.gateway) {
            addDefaultRoute(*nic.gateway, index, nic.name);
        }
    }
}

void Netlink::withoutLinkLocal(std::uint32_t index, const std::string& link) {
    NetlinkMessage message = linkMessage(RTM_NEWLINK, 0, index);
    message.nest(IFLA_AF_SPEC | NLA_F_NESTED, [&] {
        message.nest(AF_INET6 | NLA_F_NESTED, [&] { message.putU8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE); });
    });
    const int code = socket_.request(message);
    if (code != 0 && code != EAFNOSUPPORT) { // a kernel without IPv6
        throw Error(join("setting up the link ", link, " without an IPv6 address"), code);
    }
}

void Netlink::deleteLink(const std::string& name) {
    NetlinkMessage message = linkMessage(RTM_DELLINK, 0);
    putAnyName(message, name);
    const int code = socket_.request(message);
    if (code != 0 && code != ENODEV) {
        throw Error(join("deleting the link ", name), code);
    }
}

void Netlink::dump(const std::function<NetlinkMessage()>& request, const std::function<void()>& restart,
                   const std::function<void(nlmsghdr*)>& each, std::string_view action) {
    // A dump during which objects came or went is torn (EINTR): read anew, but not for ever on a busy host.
    constexpr int attempts = 10;
    int code = 0;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        NetlinkMessage message = request();
        restart();
        code = socket_.query(message, each);
        if (code == 0) {
            return;
        }
        if (code != EINTR) {
            break;
        }
    }
    throw Error(std::string(action), code);
}

std::vector<LinkInfo> Netlink::links() {
    std::vector<LinkInfo> found;
    dump([] { return linkMessage(RTM_GETLINK, NLM_F_DUMP); }, [&found] { found.clear(); },
         [&found](nlmsghdr* answer) {
             if (answer->nlmsg_type == RTM_NEWLINK) {
                 found.push_back(readLink(answer));
             }
         },
         "listing the links");
    return found;
}

std::map<std::string, LinkCounters> Netlink::counters() {
    std::map<std::string, LinkCounters> found;
    NetlinkMessage message = linkMessage(RTM_GETLINK, NLM_F_DUMP);
    const int code = socket_.query(message, [&found](nlmsghdr* answer) {
        if (answer->nlmsg_type == RTM_NEWLINK) {
            const LinkInfo info = readLink(answer);
            found[info.name] = readCounters(answer, info);
        }
    });
    // EINTR: links came or went during the dump. The others' numbers are right all the same, and the next sample has
    // the new ones: no reason to read a thousand links again.
    if (code != 0 && code != EINTR) {
        throw Error("reading the counters of the links", code);
    }
    return found;
}

std::optional<LinkCounters> Netlink::counters(const std::string& link) {
    NetlinkMessage message = linkMessage(RTM_GETLINK, 0);
    putAnyName(message, link);
    std::optional<LinkCounters> found;
    const int code = socket_.query(message, [&found](nlmsghdr* answer) {
        if (answer->nlmsg_type == RTM_NEWLINK) {
            found = readCounters(answer, readLink(answer));
        }
    });
    if (code != 0 && code != ENODEV) {
        throw Error(join("reading the counters of the link ", link), code);
    }
    return found;
}

std::vector<AddressInfo> Netlink::addresses() {
    std::vector<AddressInfo> found;
    const auto request = [] {
        NetlinkMessage message(RTM_GETADDR, NLM_F_DUMP);
        ifaddrmsg header{};
        header.ifa_family = AF_INET;
        message.header(header);
        return message;
    };
    dump(
        request, [&found] { found.clear(); },
        [&found](nlmsghdr* answer) {
            if (answer->nlmsg_type != RTM_NEWADDR) {
                return;
            }
            const auto* header = static_cast<const ifaddrmsg*>(nlmsg_data(answer));
            const nlattr* local = nlmsg_find_attr(answer, sizeof(ifaddrmsg), IFA_LOCAL);
            if (header->ifa_family == AF_INET && local != nullptr) {
                found.push_back({header->ifa_index, ntohl(nla_get_u32(local)), header->ifa_prefixlen});
            }
        },
        "listing the addresses");
    return found;
}

namespace {

/// The links that a route leads to, one for each way.
std::vector<std::uint32_t> waysOf(nlmsghdr* answer) {
    if (const nlattr* link = nlmsg_find_attr(answer, sizeof(rtmsg), RTA_OIF)) {
        return {nla_get_u32(link)};
    }
    std::vector<std::uint32_t> links;
    if (const nlattr* several = nlmsg_find_attr(answer, sizeof(rtmsg), RTA_MULTIPATH)) {
        int left = nla_len(several);
        const auto* way = static_cast<const rtnexthop*>(nla_data(several));
        for (; left >= static_cast<int>(sizeof *way) && RTNH_OK(way, left); way = RTNH_NEXT(way)) {
            links.push_back(static_cast<std::uint32_t>(way->rtnh_ifindex));
            left -= static_cast<int>(RTNH_ALIGN(way->rtnh_len));
        }
    }
    return links;
}

} // namespace

std::vector<RouteInfo> Netlink::routes() {
    std::vector<RouteInfo> found;
    const auto request = [] {
        NetlinkMessage message(RTM_GETROUTE, NLM_F_DUMP);
        rtmsg header{};
        header.rtm_family = AF_INET;
        message.header(header);
        return message;
    };
    dump(
        request, [&found] { found.clear(); },
        [&found](nlmsghdr* answer) {
            const auto* header = static_cast<const rtmsg*>(nlmsg_data(answer));
            const nlattr* destination = nlmsg_find_attr(answer, sizeof(rtmsg), RTA_DST);
            if (answer->nlmsg_type != RTM_NEWROUTE || header->rtm_type != RTN_UNICAST) {
                return;
            }
            for (const std::uint32_t link : waysOf(answer)) {
                found.push_back(
                    {link, destination == nullptr ? 0 : ntohl(nla_get_u32(destination)), header->rtm_dst_len});
            }
        },
        "listing the routes");
    return found;
}

MacAddress parseMac(std::string_view text) {
    const auto digit = [](char letter) -> int {
        if (letter >= '0' && letter <= '9') {
            return letter - '0';
        }
        const char lower = static_cast<char>(letter | 0x20);
        return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
    };
    MacAddress mac{};
    bool right = text.size() == 17;
    for (std::size_t byte = 0; right && byte < mac.size(); ++byte) {
        const int high = digit(text[3 * byte]);
        const int low = digit(text[3 * byte + 1]);
        right = high >= 0 && low >= 0 && (byte == 5 || text[3 * byte + 2] == ':');
        mac[byte] = static_cast<std::uint8_t>(high * 16 + low);
    }
    if (!right) {
        throw Error(join("reading \"", text, "\" as a MAC address"), EINVAL);
    }
    return mac;
}

} // namespace zoned::sys
