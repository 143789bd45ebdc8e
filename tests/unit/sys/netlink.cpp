#include "sys/netlink.hpp"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "support/catch.hpp"
#include "support/network_namespace.hpp"
#include "sys/file.hpp"
#include "sys/route_watch.hpp"

using namespace zoned;
using sys::Netlink;
using test::InNamespace;

namespace {

constexpr const char* bridgeMac = "02:5a:00:00:00:01";
constexpr const char* peerMac = "02:5a:00:00:00:02";
constexpr std::uint32_t address = 0x0a4d0002; // 10.77.0.2
constexpr std::uint32_t gateway = 0x0a4d0001;

int errorCode(const std::function<void()>& action) {
    try {
        action();
    } catch (const sys::Error& error) {
        return error.code();
    }
    return 0;
}

const sys::LinkInfo* find(const std::vector<sys::LinkInfo>& links, const std::string& name) {
    const auto found = std::find_if(links.begin(), links.end(), [&](const auto& link) { return link.name == name; });
    return found == links.end() ? nullptr : &*found;
}

/// An ioctl about a link of the present namespace: an answer from another door than the one under test.
ifreq ask(unsigned long request, const std::string& link) {
    ifreq question{};
    std::strncpy(question.ifr_name, link.c_str(), IFNAMSIZ - 1);
    const sys::UniqueFd socket(sys::check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "opening a socket"));
    sys::check(ioctl(socket.get(), request, &question), "asking about ", link);
    return question;
}

bool isUp(const std::string& link) {
    return (ask(SIOCGIFFLAGS, link).ifr_flags & IFF_UP) != 0;
}

std::string macOf(const std::string& link) {
    const ifreq answer = ask(SIOCGIFHWADDR, link);
    std::string text;
    for (int byte = 0; byte < 6; ++byte) {
        std::array<char, 4> part{};
        std::snprintf(part.data(), part.size(), "%02x", static_cast<unsigned char>(answer.ifr_hwaddr.sa_data[byte]));
        text += (byte == 0 ? "" : ":") + std::string(part.data());
    }
    return text;
}

std::uint32_t addressOf(const std::string& link) {
    const ifreq answer = ask(SIOCGIFADDR, link);
    sockaddr_in found{};
    std::memcpy(&found, &answer.ifr_addr, sizeof found);
    return ntohl(found.sin_addr.s_addr);
}

std::uint32_t mtuOf(const std::string& link) {
    return static_cast<std::uint32_t>(ask(SIOCGIFMTU, link).ifr_mtu);
}

sys::VethSpec vethInto(int netns, std::uint32_t bridge = 0) {
    return {"zvtest0", "zone-net-0-of-a-zone-with-a-long-name", bridge, "eth0", peerMac, netns, 0, false, ""};
}

/// A bridge as somebody else makes it.
void makePlainBridge(const char* name) {
    const sys::UniqueFd socket(sys::check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "opening a socket"));
    sys::check(ioctl(socket.get(), SIOCBRADDBR, name), "making the bridge ", name);
}

} // namespace

TEST_CASE("a MAC address is six bytes in hexadecimal and nothing else") {
    CHECK(sys::parseMac("02:5a:00:fF:0A:01") == sys::MacAddress{2, 0x5a, 0, 0xff, 0x0a, 1});
    for (const char* wrong : {"", "02:5a:00:00:00", "02:5a:00:00:00:0g", "02-5a-00-00-00-01", "02:5a:00:00:00:01:02",
                              "02:5a:00:00:00:1 "}) {
        INFO(wrong);
        CHECK(errorCode([&] { (void)sys::parseMac(wrong); }) == EINVAL);
    }
}

TEST_CASE("a veth connects a bridge with a zone's namespace") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    const sys::UniqueFd zone = test::newNamespace();
    Netlink netlink;
    netlink.createBridge("zones0", bridgeMac);
    const auto bridge = netlink.linkIndex("zones0");
    REQUIRE(bridge);
    netlink.createVeth(vethInto(zone.get(), *bridge));

    const std::vector<sys::LinkInfo> links = netlink.links();
    const sys::LinkInfo* const port = find(links, "zvtest0");
    REQUIRE(port != nullptr);
    CHECK(port->kind == "veth");
    CHECK(port->master == *bridge);
    CHECK(port->altNames == std::vector<std::string>{"zone-net-0-of-a-zone-with-a-long-name"});
    CHECK(netlink.linkIndex("zone-net-0-of-a-zone-with-a-long-name") == port->index);
    CHECK(isUp("zvtest0"));
    REQUIRE(find(links, "zones0") != nullptr);
    CHECK(find(links, "zones0")->kind == "bridge");
    CHECK(macOf("zones0") == bridgeMac);

    const InNamespace inside(zone.get());
    CHECK(macOf("eth0") == peerMac);
    CHECK_FALSE(isUp("eth0"));
}

TEST_CASE("a port has no IPv6 of its own, and its bridge learns no address of whoever is behind it") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    const sys::UniqueFd zone = test::newNamespace();
    Netlink netlink;
    netlink.createBridge("zones0", bridgeMac);
    netlink.setUp("zones0");
    const std::uint32_t bridge = netlink.linkIndex("zones0").value();
    sys::VethSpec spec = vethInto(zone.get(), bridge);
    spec.onlyPeerMac = true;
    netlink.createVeth(spec);
    const auto port = netlink.link("zvtest0");
    REQUIRE(port);
    CHECK(Netlink::isSet(*port, true));
    CHECK(sys::readFile("/proc/sys/net/ipv6/conf/zvtest0/disable_ipv6") == "1\n");
    CHECK(sys::readFile("/proc/net/if_inet6").value_or("").find("zvtest0") == std::string::npos);

    // what somebody else has undone is put right, and what was learned meanwhile is forgotten
    netlink.setMaster(port->index, "zvtest0", 0);
    netlink.setMaster(port->index, "zvtest0", bridge);
    CHECK_FALSE(Netlink::isSet(*netlink.link("zvtest0"), false));
    netlink.setPort(port->index, "zvtest0", "");
    CHECK(Netlink::isSet(*netlink.link("zvtest0"), false));
    CHECK_FALSE(Netlink::isSet(*netlink.link("zvtest0"), true));
    netlink.setPort(port->index, "zvtest0", peerMac);
    CHECK(Netlink::isSet(*netlink.link("zvtest0"), true));
}

TEST_CASE("both ends of a veth have the wanted MTU, and a bridge of jumbo frames keeps its own") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    const sys::UniqueFd zone = test::newNamespace();
    Netlink netlink;
    makePlainBridge("zones0");
    const sys::UniqueFd other = test::newNamespace();
    sys::VethSpec jumbo = vethInto(other.get(), netlink.linkIndex("zones0").value());
    jumbo.hostName = "zvjumbo";
    jumbo.altName = "";
    jumbo.mtu = 9000;
    netlink.createVeth(jumbo);
    REQUIRE(netlink.link("zones0")->mtu == 9000); // as its ports'
    sys::VethSpec spec = vethInto(zone.get(), netlink.linkIndex("zones0").value());
    spec.mtu = netlink.link("zones0")->mtu;
    netlink.createVeth(spec);
    CHECK(mtuOf("zvtest0") == 9000);
    CHECK(mtuOf("zones0") == 9000);
    const InNamespace inside(zone.get());
    CHECK(mtuOf("eth0") == 9000);
}

TEST_CASE("a link that is set down stays so, whatever its peer does") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    const sys::UniqueFd zone = test::newNamespace();
    Netlink netlink;
    netlink.createVeth(vethInto(zone.get()));
    netlink.setDown("zvtest0");
    CHECK_FALSE(netlink.link("zvtest0")->up);
    Netlink::inNamespace(zone.get()).bringUp({{"eth0", address, 24, {}}});
    CHECK_FALSE(netlink.link("zvtest0")->up);
    netlink.setDown("zvtest0");
    netlink.setDown("nosuch0");
}

TEST_CASE("a bridge is tame when it is made, and one of somebody else's can be made so") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    Netlink netlink;
    netlink.createBridge("zones0", bridgeMac);
    CHECK_FALSE(netlink.link("zones0")->snoops);
    CHECK_FALSE(netlink.link("zones0")->learnsFromReserved);
    makePlainBridge("br0");
    REQUIRE(netlink.link("br0")->snoops);
    REQUIRE(netlink.link("br0")->learnsFromReserved);
    netlink.tameBridge("br0");
    CHECK_FALSE(netlink.link("br0")->snoops);
    CHECK_FALSE(netlink.link("br0")->learnsFromReserved);
}

TEST_CASE("a zone's links are configured from outside its namespace") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    const sys::UniqueFd zone = test::newNamespace();
    Netlink().createVeth(vethInto(zone.get()));
    Netlink inside = Netlink::inNamespace(zone.get());
    const std::vector<sys::NicSetup> setup = {{"eth0", address, 24, gateway}};
    inside.bringUp(setup);
    inside.bringUp(setup); // what is there already is fine

    CHECK(Netlink().linkIndex("zvtest0").has_value()); // the caller is in its own namespace again
    const InNamespace there(zone.get());
    CHECK(isUp("lo"));
    CHECK(isUp("eth0"));
    CHECK(addressOf("eth0") == address);
    sockaddr_in far{};
    far.sin_family = AF_INET;
    far.sin_port = htons(9);
    far.sin_addr.s_addr = htonl(0xc0000201); // 192.0.2.1: only the default route leads there
    const sys::UniqueFd socket(sys::check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "opening a socket"));
    CHECK(connect(socket.get(), reinterpret_cast<const sockaddr*>(&far), sizeof far) == 0);
}

TEST_CASE("a second default route by another gateway is an error") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    const sys::UniqueFd zone = test::newNamespace();
    Netlink().createVeth(vethInto(zone.get()));
    Netlink inside = Netlink::inNamespace(zone.get());
    inside.bringUp({{"eth0", address, 24, gateway}});
    CHECK(errorCode([&] { inside.addDefaultRoute(gateway, "eth0"); }) == 0);
    CHECK(errorCode([&] { inside.addDefaultRoute(gateway + 8, "eth0"); }) == EEXIST);
}

TEST_CASE("the way back from a namespace is taken after an error too") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    Netlink().createBridge("zones0", bridgeMac);
    CHECK(errorCode([] { (void)Netlink::inNamespace(-1); }) == EBADF);
    CHECK(Netlink().linkIndex("zones0").has_value());
}

TEST_CASE("an existing bridge is kept, another link of its name is not mistaken for it") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    const sys::UniqueFd zone = test::newNamespace();
    Netlink netlink;
    netlink.createBridge("zones0", bridgeMac);
    const auto first = netlink.linkIndex("zones0");
    netlink.createBridge("zones0", "02:5a:00:00:00:99");
    CHECK(netlink.linkIndex("zones0") == first);
    CHECK(macOf("zones0") == bridgeMac);
    netlink.createVeth(vethInto(zone.get()));
    CHECK(errorCode([&] { netlink.createBridge("zvtest0", bridgeMac); }) == EEXIST);
}

TEST_CASE("an error about a link names it") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    const sys::UniqueFd zone = test::newNamespace();
    Netlink netlink;
    netlink.createVeth(vethInto(zone.get()));
    CHECK_THROWS_WITH(netlink.createVeth(vethInto(zone.get())), "making the veth zvtest0: File exists");
    CHECK_THROWS_WITH(netlink.setUp("nowhere"), "setting up the link nowhere: No such device");
    CHECK_THROWS_WITH(netlink.addAddress("lo", address, 33), ContainsSubstring("10.77.0.2/33 to the link lo"));
}

TEST_CASE("a name that does not fit is refused, not cut") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    const sys::UniqueFd zone = test::newNamespace();
    Netlink netlink;
    sys::VethSpec spec = vethInto(zone.get());
    spec.hostName = "sixteen-letters!";
    CHECK(errorCode([&] { netlink.createVeth(spec); }) == EINVAL);
    spec = vethInto(zone.get());
    spec.altName = std::string(sys::maximalAltName + 1, 'a');
    CHECK(errorCode([&] { netlink.createVeth(spec); }) == ENAMETOOLONG);
    CHECK(netlink.links().size() == 1); // lo
}

TEST_CASE("an alternative name that an earlier boot still holds is taken from it, and from nobody else") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    const sys::UniqueFd zone = test::newNamespace();
    const sys::UniqueFd next = test::newNamespace();
    Netlink netlink;
    netlink.createVeth(vethInto(zone.get()));
    sys::VethSpec spec = vethInto(next.get());
    spec.hostName = "zvtest1";
    spec.altNameOwners = "another";
    netlink.createVeth(spec);
    CHECK(netlink.linkIndex("zvtest1").has_value());
    CHECK(netlink.linkIndex(spec.altName) == netlink.linkIndex("zvtest0"));
    const sys::UniqueFd third = test::newNamespace();
    spec = vethInto(third.get());
    spec.hostName = "zvtest2";
    spec.altNameOwners = "zvtest";
    netlink.createVeth(spec);
    CHECK(netlink.linkIndex(spec.altName) == netlink.linkIndex("zvtest2"));
    CHECK(netlink.link("zvtest0")->altNames.empty());
}

TEST_CASE("the addresses of all links are listed with their prefixes") {
    const InNamespace scratch;
    Netlink netlink;
    netlink.createBridge("br0", bridgeMac);
    REQUIRE(netlink.addresses().empty());
    netlink.addAddress("br0", gateway, 20);
    const auto listed = netlink.addresses();
    REQUIRE(listed.size() == 1);
    REQUIRE(listed[0].link == netlink.linkIndex("br0"));
    REQUIRE(listed[0].address == gateway);
    REQUIRE(listed[0].prefix == 20);
}

TEST_CASE("the routes of all links are listed with their prefixes") {
    const InNamespace scratch;
    Netlink netlink;
    netlink.createBridge("br0", bridgeMac);
    netlink.setUp("br0");
    netlink.addAddress("br0", gateway, 20);
    netlink.addDefaultRoute(gateway + 1, "br0");
    const auto routes = netlink.routes();
    REQUIRE(routes.size() == 2);
    CHECK(routes[0].link == netlink.linkIndex("br0"));
    CHECK(routes[0].address == 0);
    CHECK(routes[0].prefix == 0);
    CHECK(routes[1].link == netlink.linkIndex("br0"));
    CHECK(routes[1].address == 0x0a4d0000);
    CHECK(routes[1].prefix == 20);
}

TEST_CASE("changes of routes, and of forwarding for all links, are noticed, and zones that come are not") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    const sys::UniqueFd zone = test::newNamespace();
    Netlink netlink;
    netlink.createBridge("br0", bridgeMac);
    netlink.setUp("br0");
    sys::writeKernelFile("/proc/sys/net/ipv4/ip_forward", "0"); // a new namespace has what the first one has
    sys::RouteWatch watch;
    netlink.createVeth(vethInto(zone.get(), netlink.linkIndex("br0").value()));
    netlink.setDown("zvtest0");
    CHECK_FALSE(watch.take());
    netlink.addAddress("br0", gateway, 20);
    CHECK(watch.take());
    CHECK_FALSE(watch.take());
    sys::writeKernelFile("/proc/sys/net/ipv4/conf/br0/forwarding", "1");
    CHECK_FALSE(watch.take());
    sys::writeKernelFile("/proc/sys/net/ipv4/ip_forward", "1");
    CHECK(watch.take());
}

TEST_CASE("what one end of a veth sends, the other counts as received") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    const sys::UniqueFd zone = test::newNamespace();
    Netlink netlink;
    netlink.createVeth(vethInto(zone.get()));
    Netlink inside = Netlink::inNamespace(zone.get());
    inside.bringUp({{"eth0", address, 24, {}}});
    netlink.setUp("lo");
    netlink.addAddress("zvtest0", gateway, 24);
    const sys::UniqueFd socket(sys::check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "opening a socket"));
    sockaddr_in broadcast{};
    broadcast.sin_family = AF_INET;
    broadcast.sin_port = htons(9);
    broadcast.sin_addr.s_addr = htonl(gateway | 0xff); // needs no answer to a question for the neighbour's address
    const int on = 1;
    sys::check(::setsockopt(socket.get(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on), "allowing broadcasts");
    const auto before = inside.counters("eth0");
    REQUIRE(before);
    const std::string payload(1000, 'x');
    for (int count = 0; count < 3; ++count) {
        sys::check(::sendto(socket.get(), payload.data(), payload.size(), 0, reinterpret_cast<sockaddr*>(&broadcast),
                            sizeof broadcast),
                   "sending");
    }
    const auto after = inside.counters("eth0");
    REQUIRE(after);
    CHECK(after->rxPackets >= before->rxPackets + 3);
    CHECK(after->rxBytes >= before->rxBytes + 3000);
    const auto all = netlink.counters();
    REQUIRE(all.contains("zvtest0"));
    CHECK(all.at("zvtest0").txBytes >= 3000);
    CHECK(all.at("zvtest0").rxBytes < 3000);
    CHECK(all.at("zvtest0").kind == "veth");
    CHECK(all.at("lo").loopback);
    CHECK_FALSE(all.at("zvtest0").loopback);
    CHECK_FALSE(netlink.counters("nosuch0").has_value());
}

TEST_CASE("deleting an absent link is fine") {
    if (!test::mayMakeNamespaces()) {
        return;
    }
    const InNamespace host;
    Netlink netlink;
    netlink.createBridge("zones0", bridgeMac);
    netlink.deleteLink("zones0");
    CHECK_FALSE(netlink.linkIndex("zones0"));
    CHECK(errorCode([&] { netlink.deleteLink("zones0"); }) == 0);
}
