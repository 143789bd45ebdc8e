#include "zone.hpp"

#include "support/catch.hpp"

using namespace zoned;
using daemon::stateOf;
using zone::State;

namespace {

daemon::Zone installedZone() {
    daemon::Zone web(zone::ZoneName("web"));
    web.definition = std::make_shared<const zone::Definition>();
    web.record = store::ZoneRecord{};
    web.record->complete = true;
    web.record->image = "bookworm";
    return web;
}

} // namespace

TEST_CASE("a zone's state follows from its disk and its supervisor") {
    daemon::Zone web = installedZone();
    CHECK(stateOf(web) == State::installed);
    web.unavailable = "its image is missing";
    CHECK(stateOf(web) == State::unavailable);
    web.record->complete = false;
    CHECK(stateOf(web) == State::incomplete);
    web.record.reset();
    CHECK(stateOf(web) == State::configured);

    web = installedZone();
    web.status = platform::Status{};
    CHECK(stateOf(web) == State::installed); // a supervisor that only serves the console
    web.status->state = State::running;
    web.unavailable = "its image is missing";
    CHECK(stateOf(web) == State::running);
}

TEST_CASE("a zone whose record cannot be read is unavailable, and says why") {
    daemon::Zone web = installedZone();
    web.record->complete = false;
    web.record->damage = web.unavailable = "state.json is damaged";
    CHECK(stateOf(web) == State::unavailable);
    CHECK(daemon::viewOf(web, 16, 0).reason == "state.json is damaged");
}

TEST_CASE("a zone in the midst of an install is incomplete, not interrupted") {
    daemon::Zone web = installedZone();
    web.record->complete = false;
    CHECK(daemon::viewOf(web, 16, 7).state == State::incomplete);
    CHECK(daemon::viewOf(web, 16, 7).reason.empty());
    CHECK_THAT(daemon::viewOf(web, 16, 0).reason, ContainsSubstring("was interrupted"));
}

TEST_CASE("a zone whose supervisor died is on its way down until it is cleaned up") {
    daemon::Zone web = installedZone();
    web.record->lastExit = "halted";
    web.cleaningUp = true;
    CHECK(stateOf(web) == State::shuttingDown);
    CHECK(daemon::viewOf(web, 16, 0).reason.empty());
    web.cleaningUp = false;
    web.down = "a process does not end";
    CHECK(stateOf(web) == State::down);
    CHECK(daemon::viewOf(web, 16, 0).reason == "a process does not end");
}

TEST_CASE("addresses shown are those of the definition and those assigned") {
    daemon::Zone web = installedZone();
    zone::Definition definition;
    definition.network.push_back({"eth1", {}, zone::Ipv4Network{0x0AD50009, 16}, {}});
    web.definition = std::make_shared<const zone::Definition>(definition);
    web.record->addresses = {{"eth0", 0x0AD50005}};
    const auto addresses = daemon::viewOf(web, 16, 0).addresses;
    REQUIRE(addresses.size() == 2);
    CHECK(addresses[0] == std::pair<std::string, std::string>("eth0", "10.213.0.5/16"));
    CHECK(addresses[1] == std::pair<std::string, std::string>("eth1", "10.213.0.9/16"));

    web.definition.reset(); // edited to nonsense
    CHECK(daemon::viewOf(web, 16, 0).addresses.size() == 1);
}

TEST_CASE("only properties that differ are told") {
    daemon::Zone web = installedZone();
    const daemon::ZoneView before = daemon::viewOf(web, 16, 0);
    CHECK(daemon::changedProperties(before, before).empty());
    web.status = platform::Status{};
    web.status->state = State::running;
    web.status->initPid = 42;
    CHECK(daemon::changedProperties(before, daemon::viewOf(web, 16, 3)) ==
          std::vector<std::string>{"State", "InitPid", "Job"});
}
