#include "boot_spec_builder.hpp"

#include <set>

#include "support/catch.hpp"
#include "zone/fault.hpp"

using namespace zoned;
using zone::FaultKind;

namespace {

const zone::Ipv4Network bridge{0x0AD50001, 16}; // 10.213.0.1/16

daemon::BootFacts facts() {
    daemon::BootFacts facts;
    facts.controllers = {"cpu", "memory", "pids"};
    facts.nameservers = {"192.0.2.53"};
    facts.bridgeAddress = bridge;
    facts.bridge = "zones0";
    return facts;
}

zone::Definition definition() {
    zone::Definition web;
    web.zone = "web";
    web.image = "bookworm";
    return web;
}

store::ZoneRecord record() {
    store::ZoneRecord record;
    record.uuid = "00112233445566778899aabbccddeeff";
    record.idBase = 524288;
    record.addresses = {{"eth0", 0x0AD50005}};
    return record;
}

std::string limit(const platform::BootSpec& spec, const std::string& file) {
    for (const platform::Limit& each : spec.limits) {
        if (each.file == file) {
            return each.value;
        }
    }
    return "";
}

FaultKind kindThrown(const zone::Definition& web, const daemon::BootFacts& host, std::string& text) {
    try {
        (void)daemon::buildBootSpec(web, record(), host);
    } catch (const zone::Fault& fault) {
        text = fault.what();
        return fault.kind();
    }
    FAIL("nothing was thrown");
    return FaultKind::failed;
}

} // namespace

TEST_CASE("a zone is told whether its names are the definition's, and warned where it has no name server") {
    zone::Definition web = definition();
    daemon::BootFacts host = facts();
    daemon::BuiltSpec built = daemon::buildBootSpec(web, record(), host);
    CHECK_FALSE(built.spec.hostnameGiven);
    CHECK_FALSE(built.spec.dnsGiven);
    CHECK(built.warnings.empty());

    host.nameservers.clear();
    CHECK(daemon::buildBootSpec(web, record(), host).warnings.size() == 1);
    web.network.clear(); // whom should it ask?
    CHECK(daemon::buildBootSpec(web, record(), host).warnings.empty());

    web = definition();
    web.hostname = "www";
    web.dns = {"192.0.2.1"};
    built = daemon::buildBootSpec(web, record(), host);
    CHECK(built.spec.hostnameGiven);
    CHECK(built.spec.dnsGiven);
    CHECK(built.warnings.empty());
}

TEST_CASE("limits are written as the kernel reads them") {
    zone::Definition web = definition();
    web.resources.cpus = 1.5;
    web.resources.memory = 512ULL << 20;
    web.resources.processes = 512;
    const platform::BootSpec spec = daemon::buildBootSpec(web, record(), facts()).spec;
    CHECK(limit(spec, "cpu.max") == "150000 100000");
    CHECK(limit(spec, "memory.max") == "536870912");
    CHECK(limit(spec, "pids.max") == "512");
}

TEST_CASE("a zone without a limit of processes gets one where the host offers it") {
    CHECK(limit(daemon::buildBootSpec(definition(), record(), facts()).spec, "pids.max") == "16384");
    daemon::BootFacts host = facts();
    host.controllers = {};
    CHECK(daemon::buildBootSpec(definition(), record(), host).spec.limits.empty());
}

TEST_CASE("a limit that the host does not offer is refused by key and controller") {
    zone::Definition web = definition();
    web.resources.memory = 512ULL << 20;
    daemon::BootFacts host = facts();
    host.controllers = {"cpu"};
    std::string text;
    CHECK(kindThrown(web, host, text) == FaultKind::limitUnavailable);
    CHECK(text.find("resources.memory") != std::string::npos);
    CHECK(text.find("'memory'") != std::string::npos);

    web.resources.optional = true;
    const daemon::BuiltSpec built = daemon::buildBootSpec(web, record(), host);
    CHECK(built.spec.limits.empty());
    REQUIRE(built.warnings.size() == 1);
    CHECK(built.warnings[0].find("resources.memory") != std::string::npos);
}

TEST_CASE("the limits in effect are those of controllers that the host offers, as set takes them") {
    using Limits = std::vector<std::pair<std::string, std::string>>;
    const std::vector<std::string> all{"cpu", "cpuset", "io", "memory", "pids"};
    zone::Resources resources;
    CHECK(daemon::limitsInEffect(resources, all) == Limits{{"processes", "16384"}});
    CHECK(daemon::limitsInEffect(resources, {}).empty());
    resources.cpus = 0.5;
    resources.memory = 512ULL << 20;
    resources.processes = 100;
    resources.io = {{"disk", 2ULL << 20, {}, {}, {}}, {"/dev/sda", {}, {}, 100, {}}};
    resources.optional = true;
    CHECK(daemon::limitsInEffect(resources, all) ==
          Limits{{"cpus", "0.5"},
                 {"memory", "512M"},
                 {"processes", "100"},
                 {"io", "[{device: disk, read: 2M}, {device: /dev/sda, read-iops: 100}]"}});
    CHECK(daemon::limitsInEffect(resources, {"memory"}) == Limits{{"memory", "512M"}});
}

TEST_CASE("a managed interface gets its assigned address and the bridge as gateway") {
    const platform::BootSpec spec = daemon::buildBootSpec(definition(), record(), facts()).spec;
    REQUIRE(spec.nics.size() == 1);
    CHECK(spec.nics[0].bridge == "zones0");
    CHECK(spec.nics[0].managed);
    CHECK(spec.nics[0].address->str() == "10.213.0.5/16");
    CHECK(spec.nics[0].gateway == bridge.address);
    CHECK(spec.dns == std::vector<std::string>{"192.0.2.53"});
    CHECK(spec.hostname == "web");
}

TEST_CASE("only one interface carries the default route") {
    zone::Definition web = definition();
    zone::Nic second;
    second.name = "eth1";
    second.address = zone::Ipv4Network{0x0AD50006, 16};
    web.network.push_back(second);
    const auto nics = daemon::buildBootSpec(web, record(), facts()).spec.nics;
    CHECK(nics[0].gateway.has_value());
    CHECK_FALSE(nics[1].gateway.has_value());

    web.network[1].gateway = 0x0AD500FE;
    const auto chosen = daemon::buildBootSpec(web, record(), facts()).spec.nics;
    CHECK_FALSE(chosen[0].gateway.has_value());
    CHECK(chosen[1].gateway == 0x0AD500FEU);
}

TEST_CASE("an interface on the administrator's own bridge gets only what the definition says") {
    zone::Definition web = definition();
    web.network[0].bridge = "br0";
    const auto nics = daemon::buildBootSpec(web, record(), facts()).spec.nics;
    CHECK(nics[0].bridge == "br0");
    CHECK_FALSE(nics[0].managed);
    CHECK_FALSE(nics[0].address.has_value());
    CHECK_FALSE(nics[0].gateway.has_value());
}

TEST_CASE("addresses are the lowest free ones and are kept") {
    zone::Definition web = definition();
    store::ZoneRecord fresh;
    CHECK(daemon::assignAddresses(web, fresh, bridge, {{0x0AD50002, "db"}}));
    CHECK(fresh.addresses.at("eth0") == 0x0AD50003);
    CHECK_FALSE(daemon::assignAddresses(web, fresh, bridge, {}));
    CHECK(fresh.addresses.at("eth0") == 0x0AD50003);

    // taken meanwhile by a definition, or the subnet is another: a new one
    CHECK(daemon::assignAddresses(web, fresh, bridge, {{0x0AD50003, "db"}}));
    CHECK(fresh.addresses.at("eth0") == 0x0AD50002);
    CHECK(daemon::assignAddresses(web, fresh, {0xC0A80001, 24}, {}));
    CHECK(fresh.addresses.at("eth0") == 0xC0A80002);

    web.network[0].address = zone::Ipv4Network{0x0AD50009, 16};
    CHECK(daemon::assignAddresses(web, fresh, bridge, {}));
    CHECK(fresh.addresses.empty());
}

TEST_CASE("a full subnet is told") {
    zone::Definition web = definition();
    store::ZoneRecord fresh;
    const zone::Ipv4Network tiny{0xC0A80001, 29}; // .1 to .6
    std::vector<std::pair<std::uint32_t, std::string>> taken;
    for (std::uint32_t last = 2; last <= 6; ++last) {
        taken.emplace_back(0xC0A80000 + last, "db");
    }
    CHECK_THROWS_AS(daemon::assignAddresses(web, fresh, tiny, taken), zone::Fault);
    taken.pop_back();
    CHECK(daemon::assignAddresses(web, fresh, tiny, taken));
    CHECK(fresh.addresses.at("eth0") == 0xC0A80006);
}

TEST_CASE("hardware addresses are stable, local, unicast and spread") {
    CHECK(daemon::stableMac("a/eth0") == daemon::stableMac("a/eth0"));
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        const std::string mac = daemon::stableMac("zone" + std::to_string(i) + "/eth0");
        CHECK(mac.size() == 17);
        CHECK(mac.rfind("02:", 0) == 0);
        seen.insert(mac);
    }
    CHECK(seen.size() == 1000);
}
