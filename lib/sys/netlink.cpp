#include "sys/netlink.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>

#include <algorithm>
#include <cstring>
#include <exception>

#include "sys/error.hpp"
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

/// A request to make a link that is up at once where `up` says so.
NetlinkMessage newLinkMessage(bool up) {
    NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    if (up) {
        header.ifi_flags = IFF_UP;
        header.ifi_change = IFF_UP;
    }
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
        case IFLA_LINKINFO:
            if (nlattr* const kind =
                    nla_find(static_cast<nlattr*>(nla_data(attribute)), nla_len(attribute), IFLA_INFO_KIND)) {
                info.kind = nla_get_string(kind);
            }
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

void Netlink::createVeth(const VethSpec& spec) {
    checkLinkName(spec.hostName);
    checkLinkName(spec.peerName);
    if (spec.altName.size() > maximalAltName) {
        throw Error(join("using \"", spec.altName, "\" as a link's alternative name"), ENAMETOOLONG);
    }
    NetlinkMessage message = newLinkMessage(true);
    message.putText(IFLA_IFNAME, spec.hostName);
    putOneQueue(message);
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
                if (!spec.peerMac.empty()) {
                    message.put(IFLA_ADDRESS, parseMac(spec.peerMac));
                }
                message.putU32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(spec.peerNetns));
            });
        });
    });
    const std::string place = spec.bridgeIndex == 0 ? "" : join(" in the bridge with index ", spec.bridgeIndex);
    socket_.perform(message, join("making the veth ", spec.hostName, place));
    if (!spec.altName.empty()) {
        addAltName(spec);
    }
}

void Netlink::addAltName(const VethSpec& spec) {
    // IFLA_PROP_LIST is only read by RTM_NEWLINKPROP; RTM_NEWLINK passes over it in silence.
    NetlinkMessage message = linkMessage(RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_APPEND | NLM_F_EXCL);
    message.putText(IFLA_IFNAME, spec.hostName);
    message.nest(IFLA_PROP_LIST | NLA_F_NESTED, [&] { message.putText(IFLA_ALT_IFNAME, spec.altName); });
    const int code = socket_.request(message);
    if (code != 0 && code != EEXIST) {
        throw Error(join("naming the veth ", spec.hostName, " also ", spec.altName), code);
    }
}

void Netlink::createBridge(const std::string& name, const std::string& mac) {
    checkLinkName(name);
    NetlinkMessage message = newLinkMessage(false);
    message.putText(IFLA_IFNAME, name);
    message.put(IFLA_ADDRESS, parseMac(mac));
    message.nest(IFLA_LINKINFO, [&] {
        message.putText(IFLA_INFO_KIND, "bridge");
        message.nest(IFLA_INFO_DATA, [&] { message.putU32(IFLA_BR_STP_STATE, 0); });
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
    NetlinkMessage message(RTM_NEWLINK, 0);
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = static_cast<int>(index);
    header.ifi_flags = IFF_UP;
    header.ifi_change = IFF_UP;
    message.header(header);
    socket_.perform(message, join("setting up the link ", link));
}

void Netlink::setMaster(const std::string& link, std::uint32_t bridgeIndex) {
    NetlinkMessage message(RTM_NEWLINK, 0);
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = static_cast<int>(requireIndex(link, "connecting the link"));
    message.header(header);
    message.putU32(IFLA_MASTER, bridgeIndex);
    socket_.perform(message, join("connecting the link ", link, " to its bridge"));
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
        setUp(index, nic.name);
        if (nic.address) {
            addAddress(index, nic.name, *nic.address, nic.prefix);
        }
        if (nic.gateway) {
            addDefaultRoute(*nic.gateway, index, nic.name);
        }
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
