// The firewall of managed networks against real frames: two zones' ports on a
// bridge, raw sockets inside both. A frame was dropped when a later, honest one
// has arrived before it; nothing here waits for silence.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <chrono>
#include <set>

#include "support/catch.hpp"
#include "support/network_namespace.hpp"
#include "sys/netlink.hpp"
#include "sys/nft_elements.hpp"
#include "sys/nft_table.hpp"
#include "sys/nft_watch.hpp"
#include "sys/port_name.hpp"

using namespace zoned;
using sys::Netlink;
using test::InNamespace;

namespace {

using Bytes = std::string;

const sys::NftNetwork network{"zonedtest", "zones0", 0x0a4d0000, 24, true};
constexpr const char* bridgeMac = "02:5a:00:00:00:01";
constexpr std::uint32_t bridgeAddress = 0x0a4d0001;
const sys::GuardedPort first{sys::portName("zonedtest", true, 1), "02:5a:00:00:00:11", 0x0a4d0002};
const sys::GuardedPort second{sys::portName("zonedtest", true, 2), "02:5a:00:00:00:12", 0x0a4d0003};
/// As an earlier version named them.
const sys::GuardedPort named{"zv0123456789", "02:5a:00:00:00:11", 0x0a4d0002};
constexpr std::uint32_t nobody = 0x0a4d0063;

/// What nft itself says to a command.
std::string nft(const std::string& command) {
    nft_ctx* const context = nft_ctx_new(NFT_CTX_DEFAULT);
    nft_ctx_buffer_output(context);
    nft_ctx_buffer_error(context);
    const int result = nft_run_cmd_from_buffer(context, command.c_str());
    std::string output = result == 0 ? nft_ctx_get_output_buffer(context) : nft_ctx_get_error_buffer(context);
    nft_ctx_free(context);
    return output;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

Bytes word16(unsigned int value) {
    return {static_cast<char>(value >> 8), static_cast<char>(value)};
}
Bytes word32(std::uint32_t value) {
    return word16(value >> 16) + word16(value & 0xffff);
}
Bytes mac(const std::string& text) {
    const sys::MacAddress bytes = sys::parseMac(text);
    return {bytes.begin(), bytes.end()};
}

Bytes ethernet(const std::string& source, unsigned int type, const Bytes& content) {
    return Bytes(6, '\xff') + mac(source) + word16(type) + content;
}

Bytes ipv4(std::uint32_t source, unsigned int port, const Bytes& text, std::uint32_t destination = 0x0a4d00ff) {
    const Bytes udp = word16(port) + word16(9) + word16(static_cast<unsigned int>(8 + text.size())) + word16(0) + text;
    Bytes header = Bytes("\x45\0", 2) + word16(static_cast<unsigned int>(20 + udp.size())) + word32(0) +
                   Bytes("\x40\x11\0\0", 4) + word32(source) + word32(destination);
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at < header.size(); at += 2) {
        sum += static_cast<std::uint32_t>(static_cast<unsigned char>(header[at]) << 8) +
               static_cast<unsigned char>(header[at + 1]);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    header.replace(10, 2, word16(~sum & 0xffff));
    return header + udp;
}

Bytes arp(const std::string& senderMac, std::uint32_t sender, const Bytes& text) {
    return word16(1) + word16(ETHERTYPE_IP) + Bytes("\x06\x04", 2) + word16(2) + mac(senderMac) + word32(sender) +
           Bytes(6, '\0') + word32(sender) + text;
}

Bytes ipv6(unsigned char lastByte, unsigned char next, const Bytes& content) {
    const Bytes source = Bytes("\xfe\x80\0\0\0\0\0\0\0\x5a\0\xff\xfe\0\0", 15) + static_cast<char>(lastByte);
    const Bytes allNodes = Bytes("\xff\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", 16);
    return Bytes("\x60\0\0\0", 4) + word16(static_cast<unsigned int>(content.size())) + static_cast<char>(next) +
           '\xff' + source + allNodes + content;
}

struct Frame {
    std::string name; ///< stands in the frame, too
    Bytes bytes;
};

/// Everything that the first zone must not be able to send.
std::vector<Frame> forgeries() {
    const std::string own = first.mac;
    const std::string foreign = second.mac;
    const std::uint32_t address = *first.ipv4;
    return {
        {"[foreign MAC]", ethernet(foreign, ETHERTYPE_IP, ipv4(address, 1000, "[foreign MAC]"))},
        {"[neighbour's IPv4]", ethernet(own, ETHERTYPE_IP, ipv4(*second.ipv4, 1000, "[neighbour's IPv4]"))},
        {"[nobody's IPv4]", ethernet(own, ETHERTYPE_IP, ipv4(nobody, 1000, "[nobody's IPv4]"))},
        {"[all of the neighbour]", ethernet(foreign, ETHERTYPE_IP, ipv4(*second.ipv4, 1000, "[all of the neighbour]"))},
        {"[DHCP server]", ethernet(own, ETHERTYPE_IP, ipv4(address, 67, "[DHCP server]"))},
        {"[ARP for the neighbour]", ethernet(own, ETHERTYPE_ARP, arp(own, *second.ipv4, "[ARP for the neighbour]"))},
        {"[ARP of a foreign MAC]", ethernet(own, ETHERTYPE_ARP, arp(foreign, address, "[ARP of a foreign MAC]"))},
        {"[ARP in a foreign frame]", ethernet(foreign, ETHERTYPE_ARP, arp(own, address, "[ARP in a foreign frame]"))},
        {"[router advertisement]",
         ethernet(own, ETHERTYPE_IPV6, ipv6(0x11, 58, Bytes("\x86\0\0\0", 4) + "[router advertisement]"))},
        {"[neighbour's link-local]", ethernet(own, ETHERTYPE_IPV6, ipv6(0x12, 59, "[neighbour's link-local]"))},
        {"[VLAN]", ethernet(own, ETHERTYPE_VLAN, word16(7) + word16(ETHERTYPE_IP) + ipv4(address, 1000, "[VLAN]"))},
        {"[Q-in-Q]", ethernet(own, 0x88a8,
                              word16(7) + word16(ETHERTYPE_VLAN) + word16(8) + word16(ETHERTYPE_IP) +
                                  ipv4(address, 1000, "[Q-in-Q]"))},
        {"[unknown type]", ethernet(own, 0x88b5, "[unknown type]")},
        // not a word of its own to whoever minds these, be it ever so honest
        {"[reserved 02]",
         Bytes("\x01\x80\xc2\0\0\x02", 6) + mac(own) + word16(ETHERTYPE_IP) + ipv4(address, 1000, "[reserved 02]")},
        {"[reserved 0e]",
         Bytes("\x01\x80\xc2\0\0\x0e", 6) + mac(own) + word16(ETHERTYPE_IP) + ipv4(address, 1000, "[reserved 0e]")},
        {"[BPDU]",
         Bytes("\x01\x80\xc2\0\0\0", 6) + mac(own) + word16(38) + "\x42\x42\x03" + "[BPDU]" + Bytes(40, '\0')},
    };
}

Frame honest(const std::string& name) {
    return {name, ethernet(first.mac, ETHERTYPE_IP, ipv4(*first.ipv4, 1000, name))};
}

/// One core does it all, so that frames cannot overtake each other between the cores' queues.
class OneCore {
public:
    OneCore() {
        sched_getaffinity(0, sizeof before_, &before_);
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(sched_getcpu(), &one);
        sched_setaffinity(0, sizeof one, &one);
    }
    OneCore(const OneCore&) = delete;
    OneCore& operator=(const OneCore&) = delete;
    ~OneCore() { sched_setaffinity(0, sizeof before_, &before_); }

private:
    cpu_set_t before_{};
};

/// A bridge with two zones' ports, in a namespace of the test's own.
class Bridge {
public:
    explicit Bridge(const sys::GuardedPort& sender = first) {
        Netlink netlink;
        netlink.createBridge(network.bridge, bridgeMac);
        netlink.setUp(network.bridge);
        const std::uint32_t bridge = netlink.linkIndex(network.bridge).value();
        sender_ = connect(netlink, bridge, sender, senderZone_);
        receiver_ = connect(netlink, bridge, second, receiverZone_);
        REQUIRE(arrived({}, "[warm-up]").empty()); // the links have a carrier now
    }

    /// The names of those frames that reached the other zone.
    std::set<std::string> arrived(const std::vector<Frame>& frames, const std::string& last = "[last]") {
        send(frames);
        return arrivedOf(frames, last);
    }

    void send(const std::vector<Frame>& frames) {
        for (const Frame& frame : frames) {
            send(frame);
        }
    }

    /// Of those that were sent before.
    std::set<std::string> arrivedOf(const std::vector<Frame>& frames, const std::string& last) {
        std::set<std::string> names;
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (std::chrono::steady_clock::now() < deadline) {
            send(honest(last)); // once more: before there is a carrier frames are lost
            for (Bytes bytes = receive(200); !bytes.empty(); bytes = receive(0)) {
                if (contains(bytes, last)) {
                    return names;
                }
                for (const Frame& frame : frames) {
                    if (contains(bytes, frame.name)) {
                        names.insert(frame.name);
                    }
                }
            }
        }
        FAIL("the honest frame never arrived");
        return names;
    }

private:
    static sys::UniqueFd connect(Netlink& netlink, std::uint32_t bridge, const sys::GuardedPort& port,
                                 sys::UniqueFd& zone) {
        zone = test::newNamespace();
        netlink.createVeth({port.ifName, "", bridge, "eth0", port.mac, zone.get(), 0, true, ""});
        Netlink::inNamespace(zone.get()).bringUp({{"eth0", std::nullopt, 0, std::nullopt}});
        const InNamespace inside(zone.get());
        sys::UniqueFd socket(sys::check(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), "opening a raw socket"));
        sockaddr_ll place{};
        place.sll_family = AF_PACKET;
        place.sll_protocol = htons(ETH_P_ALL);
        place.sll_ifindex = static_cast<int>(if_nametoindex("eth0"));
        sys::check(bind(socket.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place), "binding to eth0");
        return socket;
    }

    void send(const Frame& frame) {
        const ssize_t sent = ::send(sender_.get(), frame.bytes.data(), frame.bytes.size(), 0);
        REQUIRE(sent == static_cast<ssize_t>(frame.bytes.size()));
    }

    Bytes receive(int milliseconds) {
        pollfd ready{receiver_.get(), POLLIN, 0};
        if (poll(&ready, 1, milliseconds) <= 0) {
            return {};
        }
        Bytes bytes(2048, '\0');
        const ssize_t size = recv(receiver_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        bytes.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
        return bytes;
    }

    OneCore core_;
    sys::UniqueFd senderZone_;
    sys::UniqueFd receiverZone_;
    sys::UniqueFd sender_;
    sys::UniqueFd receiver_;
};

std::set<std::string> namesOf(const std::vector<Frame>& frames) {
    std::set<std::string> names;
    for (const Frame& frame : frames) {
        names.insert(frame.name);
    }
    return names;
}

} // namespace

TEST_CASE("a guarded port sends what is its own and nothing forged") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    Bridge bridge;
    std::vector<Frame> frames = forgeries();
    CHECK(bridge.arrived(frames) == namesOf(frames)); // without a guard all would arrive

    sys::ensureNetworkTables(network);
    sys::addGuard(network.tableName, first);
    const Frame own = honest("[own IPv4]");
    const Frame ownArp = {"[own ARP]", ethernet(first.mac, ETHERTYPE_ARP, arp(first.mac, *first.ipv4, "[own ARP]"))};
    frames.push_back(own);
    frames.push_back(ownArp);
    CHECK(bridge.arrived(frames, "[after]") == namesOf({own, ownArp}));
    CHECK_FALSE(contains(nft("list chain bridge zonedtest guard"), "packets 0 bytes 0 drop"));
}

TEST_CASE("a port of the table's that no set speaks of passes nothing") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    Bridge bridge;
    std::vector<Frame> frames = forgeries();
    frames.push_back(honest("[own IPv4]"));
    sys::ensureNetworkTables(network);
    bridge.send(frames); // before it is guarded
    sys::addGuard(network.tableName, first);
    REQUIRE(bridge.arrived({}, "[guarded]").empty());
    sys::removeGuard(network.tableName, first);
    bridge.send(frames); // and after
    sys::addGuard(network.tableName, first);
    CHECK(bridge.arrivedOf(frames, "[last]").empty());
}

TEST_CASE("the tables of one service let the ports of another be") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    Bridge bridge;
    sys::NftNetwork other = network;
    other.tableName = "another";
    sys::ensureNetworkTables(other);
    CHECK(bridge.arrived(forgeries()) == namesOf(forgeries()));
}

TEST_CASE("an open port sends what it likes, but nothing to bridges themselves") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    Bridge bridge({sys::portName(network.tableName, false, 1), first.mac, first.ipv4});
    sys::ensureNetworkTables(network);
    std::set<std::string> all = namesOf(forgeries());
    for (const char* reserved : {"[reserved 02]", "[reserved 0e]", "[BPDU]"}) {
        REQUIRE(all.erase(reserved) == 1);
    }
    CHECK(bridge.arrived(forgeries()) == all);
}

TEST_CASE("a port that an earlier version named is guarded as long as its elements say so") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    Bridge bridge(named);
    sys::ensureNetworkTables(network);
    sys::addGuard(network.tableName, named);
    const Frame own = honest("[own IPv4]");
    std::vector<Frame> frames = forgeries();
    // its own address in such a frame is honest by that version's rules
    std::erase_if(frames, [](const Frame& frame) { return contains(frame.name, "reserved"); });
    frames.push_back(own);
    CHECK(bridge.arrived(frames) == namesOf({own}));
    sys::removeGuard(network.tableName, named);
    CHECK(bridge.arrived(forgeries(), "[unguarded]") == namesOf(forgeries()));
}

namespace {

/// A service of the host's that notes who speaks to it.
class Listener {
public:
    Listener() : socket_(sys::check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "opening a socket")) {
        sockaddr_in place{};
        place.sin_family = AF_INET;
        place.sin_port = htons(9);
        sys::check(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place), "binding to the port");
    }

    /// The source ports of what came, up to `last`.
    [[nodiscard]] std::vector<unsigned int> senders(unsigned int last) const {
        std::vector<unsigned int> ports;
        pollfd ready{socket_.get(), POLLIN, 0};
        while ((ports.empty() || ports.back() != last) && poll(&ready, 1, 10'000) > 0) {
            sockaddr_in sender{};
            socklen_t size = sizeof sender;
            Bytes bytes(16, '\0');
            sys::check(
                recvfrom(socket_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&sender), &size),
                "receiving");
            ports.push_back(ntohs(sender.sin_port));
        }
        return ports;
    }

private:
    sys::UniqueFd socket_;
};

Frame toHost(unsigned int port) {
    return {"", mac(bridgeMac) + mac(first.mac) + word16(ETHERTYPE_IP) +
                    ipv4(*first.ipv4, port, Bytes(1, 'x'), bridgeAddress)};
}

} // namespace

TEST_CASE("no address fills the table of connections") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    Bridge bridge;
    Netlink().addAddress(network.bridge, bridgeAddress, 24);
    sys::NftNetwork bounded = network;
    bounded.connections = 256; // one for each last byte of a source port; 16 new ones a second, 64 at once
    sys::ensureNetworkTables(bounded);
    sys::addGuard(network.tableName, first);
    const Listener listener;
    // what is known goes on, also unanswered
    bridge.send({toHost(0x1001), toHost(0x1101), toHost(0x1002), toHost(0x1001), toHost(0x1003)});
    CHECK(listener.senders(0x1003) == std::vector<unsigned int>{0x1001, 0x1002, 0x1001, 0x1003});

    bounded.connections = 16; // 4 at once
    sys::ensureNetworkTables(bounded);
    CHECK(nft("flush set inet zonedtest new_connections").empty());
    std::vector<Frame> many;
    for (unsigned int port = 0x2010; port < 0x2100; ++port) {
        many.push_back(toHost(port));
    }
    many.push_back(toHost(0x1003));
    bridge.send(many);
    const std::vector<unsigned int> senders = listener.senders(0x1003);
    CHECK(senders.size() >= 5);
    CHECK(senders.size() < 50);
}

TEST_CASE("the elements of a guard are what nft would have written") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    sys::ensureNetworkTables(network);
    const sys::GuardedPort longest{"fifteen-letters", "02:5a:00:00:00:13", 0x0a4d0004};
    sys::addGuard(network.tableName, first);
    sys::addGuard(network.tableName, longest);
    sys::addGuard(network.tableName, {"zvbare", "02:5a:00:00:00:14", std::nullopt});
    const auto guarded = sys::guardedInterfaces(network.tableName);
    CHECK(std::set<std::string>(guarded.begin(), guarded.end()) ==
          std::set<std::string>{"fifteen-letters", "zvbare", first.ifName});
    const std::string addresses = nft("list set bridge zonedtest port_ipv4");
    CHECK(contains(addresses, "\"" + first.ifName + "\" . 02:5a:00:00:00:11 . 10.77.0.2"));
    CHECK(contains(addresses, "\"fifteen-letters\" . 02:5a:00:00:00:13 . 10.77.0.4"));
    CHECK_FALSE(contains(addresses, "zvbare"));
    const std::string ports = nft("list set bridge zonedtest ports");
    CHECK_FALSE(contains(ports, first.ifName)); // its name says it
    // nft finds them under its own idea of the key
    CHECK(nft("delete element bridge zonedtest port_ipv4 { " + first.ifName + " . 02:5a:00:00:00:11 . 10.77.0.2 }")
              .empty());
    CHECK(nft("delete element bridge zonedtest ports { \"fifteen-letters\" }").empty());
}

TEST_CASE("guards are added and removed as often as one likes") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    CHECK_NOTHROW(sys::removeGuard(network.tableName, named)); // no table yet
    CHECK(sys::guardedInterfaces(network.tableName).empty());
    CHECK_THROWS_WITH(sys::addGuard(network.tableName, first),
                      "guarding the port " + first.ifName + " in the nft table zonedtest: No such file or directory");
    sys::ensureNetworkTables(network);
    CHECK_NOTHROW(sys::removeGuard(network.tableName, named));
    sys::addGuard(network.tableName, named);
    sys::addGuard(network.tableName, named);
    sys::addGuard(network.tableName, second);
    CHECK(nft("delete element bridge zonedtest ports { " + named.ifName + " }").empty()); // half of it is gone
    CHECK_NOTHROW(sys::removeGuard(network.tableName, named));
    CHECK_NOTHROW(sys::removeGuard(network.tableName, named));
    CHECK(sys::guardedInterfaces(network.tableName) == std::vector<std::string>{second.ifName});
    CHECK_FALSE(contains(nft("list set bridge zonedtest port_ipv4"), named.ifName));
}

TEST_CASE("the guards of very many ports are added, listed and removed by few messages") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    sys::ensureNetworkTables(network);
    std::vector<sys::GuardedPort> ports;
    for (std::uint32_t number = 0; number < 2500; ++number) {
        ports.push_back({sys::portName(network.tableName, true, number), first.mac, number});
    }
    ports.push_back(named);
    sys::addGuards(network.tableName, ports);
    sys::addGuards(network.tableName, ports); // what is there is fine
    CHECK(sys::guardedInterfaces(network.tableName).size() == ports.size());
    sys::removeStrayGuards(network.tableName, [](const std::string& name) { return name != first.ifName; });
    CHECK(sys::guardedInterfaces(network.tableName) == std::vector<std::string>{first.ifName});
    sys::removeStrayGuards("nosuchtable", [](const std::string&) { return true; });
}

TEST_CASE("the links that the host forwards from are those that were told last") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    CHECK_NOTHROW(sys::setOpenedLinks(network.tableName, {})); // no table yet
    sys::ensureNetworkTables(network);
    const auto opened = [] { return nft("list set inet zonedtest opened"); };
    sys::setOpenedLinks(network.tableName, {"eth0", "wlan0"});
    CHECK(contains(opened(), "\"eth0\""));
    CHECK(contains(opened(), "\"wlan0\""));
    sys::setOpenedLinks(network.tableName, {"eth1"});
    CHECK_FALSE(contains(opened(), "\"eth0\""));
    CHECK(contains(opened(), "\"eth1\""));
    sys::setOpenedLinks(network.tableName, {});
    CHECK_FALSE(contains(opened(), "elements"));
}

TEST_CASE("what goes from port to port of a bridge that the host forwards from is let be") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    Bridge bridge({"vnet0", first.mac, first.ipv4}); // the administrator's, with the host's own address
    sys::NftNetwork other = network;
    other.bridge = "zones1";
    other.subnetAddress = 0x0a4e0000;
    sys::ensureNetworkTables(other);
    sys::setOpenedLinks(network.tableName, {network.bridge});
    // with bridge-nf-call-iptables the forward chain sees these
    const Frame frame = honest("[from port to port]");
    CHECK(bridge.arrived({frame}, "[last]") == namesOf({frame}));
    CHECK(
        contains(nft("list chain inet zonedtest forward"), "iifname . oifname != @through counter packets 0 bytes 0"));
}

TEST_CASE("a transaction of very many messages gets all its answers") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    sys::NetlinkSocket socket(NETLINK_ROUTE);
    std::vector<sys::NetlinkMessage> messages;
    for (int number = 0; number < 1000; ++number) {
        messages.emplace_back(static_cast<std::uint16_t>(RTM_SETLINK), static_cast<std::uint16_t>(NLM_F_ACK));
        ifinfomsg header{};
        header.ifi_index = number % 2 == 0 ? 1 : 999; // lo, and none
        messages.back().header(header);
    }
    const std::vector<sys::NetlinkAnswer> answers = socket.batch(messages);
    REQUIRE(answers.size() == messages.size());
    CHECK(answers[998].code == 0);
    CHECK(answers[999].code == ENODEV);
}

TEST_CASE("the name of a port tells its table, and whether it is guarded") {
    const std::string table = "zonedtest";
    CHECK(first.ifName.size() == sys::maximalLinkName);
    CHECK(first.ifName.starts_with(sys::guardedPrefix(table)));
    CHECK(first.ifName.starts_with(sys::portPrefix(table)));
    CHECK(first.ifName.ends_with("00000001"));
    const std::string open = sys::portName(table, false, 0xfedcba98);
    CHECK(open.starts_with(sys::portPrefix(table)));
    CHECK_FALSE(open.starts_with(sys::guardedPrefix(table)));
    CHECK(open.ends_with("fedcba98"));
    CHECK(sys::portPrefix("zoned") != sys::portPrefix(table));
    CHECK_FALSE(named.ifName.starts_with(sys::guardedPrefix("zoned")));
}

TEST_CASE("setting up the tables again keeps the guards and touches nothing") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    sys::ensureNetworkTables(network);
    sys::addGuard(network.tableName, first);
    const std::string before = nft("list ruleset");
    CHECK(contains(before, "ip saddr 10.77.0.0/24 oifname != \"zones0\" masquerade"));
    sys::ensureNetworkTables(network);
    CHECK(nft("list ruleset") == before);
}

TEST_CASE("rules that were tampered with are put right, and guards stay") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    sys::ensureNetworkTables(network);
    sys::addGuard(network.tableName, first);
    const std::string before = nft("list ruleset");
    CHECK(nft("flush chain bridge zonedtest guard").empty());
    sys::ensureNetworkTables(network);
    CHECK(nft("list ruleset") == before);
    CHECK(nft("insert rule bridge zonedtest guard accept").empty());
    sys::ensureNetworkTables(network);
    CHECK(nft("list ruleset") == before);
}

TEST_CASE("whoever changes rules or takes them away is noticed, and zones that come and go are not") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    sys::ensureNetworkTables(network);
    sys::NftWatch watch(network.tableName);
    using News = sys::NftWatch::News;
    CHECK(watch.take() == News::none);
    sys::addGuard(network.tableName, first);
    sys::removeGuard(network.tableName, first);
    CHECK(nft("add table inet other").empty());
    CHECK(nft("delete table inet other").empty());
    CHECK(watch.take() == News::none);
    CHECK(nft("add rule bridge zonedtest guard accept").empty());
    CHECK(watch.take() == News::changed);
    CHECK(watch.take() == News::none);
    CHECK(nft("flush chain bridge zonedtest guard; add rule bridge zonedtest guard accept").empty());
    CHECK(watch.take() == News::deleted);
    CHECK(watch.take() == News::none);
    CHECK(nft("flush ruleset").empty());
    CHECK(watch.take() == News::deleted);
}

TEST_CASE("a changed network replaces the rules and keeps the guards") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    sys::ensureNetworkTables(network);
    sys::addGuard(network.tableName, first);
    sys::NftNetwork other = network;
    other.subnetAddress = 0x0a4e0000;
    other.masquerade = false;
    sys::ensureNetworkTables(other);
    const std::string after = nft("list ruleset");
    CHECK_FALSE(contains(after, "masquerade"));
    CHECK_FALSE(contains(after, "10.77.0.0/24"));
    CHECK(contains(after, "10.78.0.0/24"));
    CHECK(sys::guardedInterfaces(network.tableName) == std::vector<std::string>{first.ifName});
}

TEST_CASE("removing the tables takes both, and absent ones are fine") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    CHECK_NOTHROW(sys::removeTables(network.tableName));
    sys::ensureNetworkTables(network);
    CHECK(nft("add table inet somebodyelse").empty());
    sys::removeTables(network.tableName);
    CHECK(nft("list tables") == "table inet somebodyelse\n");
    CHECK(sys::guardedInterfaces(network.tableName).empty());
}

TEST_CASE("a set of another type under our name is an error in nft's words") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    CHECK(nft("add table bridge zonedtest; add set bridge zonedtest ports { type ipv4_addr; }").empty());
    CHECK_THROWS_WITH(sys::ensureNetworkTables(network), StartsWith("setting up the nft tables zonedtest: "));
}
