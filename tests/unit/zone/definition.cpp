#include "zone/definition.hpp"

#include "support/catch.hpp"
#include "zone/fault.hpp"

using namespace zoned::zone;

TEST_CASE("IPv4 addresses read and write", "[definition]") {
    CHECK(parseIpv4("10.213.0.1") == 0x0AD50001U);
    CHECK(parseIpv4("0.0.0.0") == 0U);
    CHECK(parseIpv4("255.255.255.255") == 0xFFFFFFFFU);
    CHECK(ipv4Text(0x0AD50001U) == "10.213.0.1");
    for (const char* bad : {"", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", " 1.2.3.4", "1..2.3", "01.2.3.4",
                            "1.2.3.-4", "a.b.c.d", "1.2.3.4/8", "1.2.3.4294967297"}) {
        CAPTURE(bad);
        CHECK_FALSE(parseIpv4(bad));
    }
}

TEST_CASE("networks read and write", "[definition]") {
    const auto network = parseIpv4Network("10.213.0.10/16");
    REQUIRE(network);
    CHECK(network->str() == "10.213.0.10/16");
    CHECK(network->mask() == 0xFFFF0000U);
    CHECK(network->contains(0x0AD5FFFFU));
    CHECK_FALSE(network->contains(0x0AD60000U));
    CHECK(parseIpv4Network("1.2.3.4/0")->contains(0xFFFFFFFFU));
    CHECK(parseIpv4Network("1.2.3.4/32")->mask() == 0xFFFFFFFFU);
    for (const char* bad : {"", "/", "1.2.3.4", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/8x", "/8",
                            "1.2.3.4/016", "1.2.3.4/8/8"}) {
        CAPTURE(bad);
        CHECK_FALSE(parseIpv4Network(bad));
    }
}

TEST_CASE("a problem reads as file, line, key and text, as far as they are known", "[fault]") {
    CHECK(Problem{"web.yaml", 7, "network[0].address", "is odd"}.str() == "web.yaml:7: network[0].address: is odd");
    CHECK(Problem{"web.yaml", 0, "image", "the key is missing"}.str() == "web.yaml: image: the key is missing");
    CHECK(Problem{"", 3, "", "is odd"}.str() == "line 3: is odd");
    CHECK(Problem{"", 0, "zone", "is odd"}.str() == "zone: is odd");
    const DefinitionFault fault({{"a", 1, "b", "c"}, {"a", 2, "", "d"}});
    CHECK(std::string(fault.what()) == "a:1: b: c\na:2: d");
    CHECK(fault.kind() == FaultKind::invalidDefinition);
    CHECK(std::string(withoutLines(fault).what()) == "b: c\nd");
}

TEST_CASE("every kind of init has its own name", "[definition]") {
    CHECK(initKindName(InitKind::automatic) == "auto");
    CHECK(initKindName(InitKind::systemd) == "systemd");
    CHECK(initKindName(InitKind::sysvinit) == "sysvinit");
    CHECK(initKindName(InitKind::openrc) == "openrc");
    CHECK(initKindName(InitKind::busybox) == "busybox");
    CHECK(initKindName(InitKind::custom) == "custom");
}
