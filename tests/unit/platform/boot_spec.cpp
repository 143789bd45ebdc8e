#include "platform/boot_spec.hpp"

#include <set>

#include "platform_examples.hpp"
#include "support/catch.hpp"
#include "sys/error.hpp"

using namespace zoned;

TEST_CASE("a boot spec survives the way through JSON whole") {
    const platform::BootSpec spec = test::fullSpec();
    const std::string json = platform::toJson(spec);
    REQUIRE(platform::toJson(platform::bootSpecFromJson(json)) == json);
    const platform::BootSpec read = platform::bootSpecFromJson(json);
    REQUIRE(read.nics.at(0).address == spec.nics.at(0).address);
    REQUIRE(read.nics.at(1).address == std::nullopt);
    REQUIRE(read.mounts == spec.mounts);
    REQUIRE(read.environment == spec.environment);
    REQUIRE(read.capabilities == spec.capabilities);
    REQUIRE(read.hostnameGiven);
    REQUIRE(read.dnsGiven);
}

TEST_CASE("a boot spec with a field missing or of another type is refused") {
    const std::string json = platform::toJson(test::fullSpec());
    REQUIRE_THROWS_AS(platform::bootSpecFromJson("{}"), sys::Error);
    REQUIRE_THROWS_AS(platform::bootSpecFromJson("not json"), sys::Error);
    for (std::size_t length = 0; length < json.size(); length += 7) {
        REQUIRE_THROWS_AS(platform::bootSpecFromJson(json.substr(0, length)), sys::Error);
    }
}

TEST_CASE("host interface names are fresh for every boot and fit the kernel") {
    platform::BootSpec spec = test::fullSpec();
    std::set<std::string> seen;
    for (int boot = 0; boot < 200; ++boot) {
        platform::giveFreshHostNames(spec);
        for (const platform::NicSpec& nic : spec.nics) {
            REQUIRE(nic.hostName.size() <= 15);
            REQUIRE(seen.insert(nic.hostName).second);
        }
    }
}
