#include "upkeep.hpp"

#include <map>
#include <memory>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/file.hpp"

using namespace zoned;
using namespace std::chrono_literals;
using daemon::Upkeep;
using zone::FaultKind;
using zone::Restart;

namespace {

struct Zones {
    test::TestFolder scratch;
    sys::EventLoop loop;
    Restart policy = Restart::onFailure;
    std::int64_t now = 1000;
    std::vector<std::string> booted;
    std::map<std::string, std::string> parked;
    std::uint32_t last = 0;
    std::unique_ptr<Upkeep> upkeep;

    Zones() { serviceStarts(); }
    /// A new service, with the notes of the one before.
    void serviceStarts() {
        upkeep = std::make_unique<Upkeep>(
            loop, scratch / "upkeep",
            Upkeep::Zones{[this](const std::string&) { return policy; },
                          [this](const std::string& name) {
                              booted.push_back(name);
                              return ++last;
                          },
                          [this](const std::string& name, const std::string& why) { parked[name] = why; },
                          [this] { return now; }},
            Upkeep::Limits{3, 600s, 1ms});
        upkeep->load();
    }
    void settle() {
        const auto end = loop.after(30ms, [this] { loop.quit(0); });
        loop.run();
    }
    void crash() { upkeep->ended("web", {false, false, "its init exited with status 3"}); }
};

} // namespace

TEST_CASE("a zone that crashes is booted again, one that was stopped is not") {
    Zones zones;
    zones.upkeep->begin();
    zones.upkeep->running("web");
    zones.crash();
    zones.settle();
    CHECK(zones.booted.size() == 1);
    zones.upkeep->running("web");
    zones.upkeep->ended("web", {true, false, "halted"});
    zones.settle();
    CHECK(zones.booted.size() == 1);
}

TEST_CASE("a zone that powers off is booted again only where it always is") {
    for (const auto& [policy, boots] :
         std::map<Restart, std::size_t>{{Restart::no, 0}, {Restart::onFailure, 0}, {Restart::always, 1}}) {
        Zones zones;
        zones.policy = policy;
        zones.upkeep->begin();
        zones.upkeep->running("web");
        zones.upkeep->ended("web", {false, true, "powered off from inside"});
        zones.settle();
        CHECK(zones.booted.size() == boots);
    }
}

TEST_CASE("without a policy of restarts a crash is left as it is") {
    Zones zones;
    zones.policy = Restart::no;
    zones.upkeep->begin();
    zones.upkeep->running("web");
    zones.crash();
    zones.settle();
    CHECK(zones.booted.empty());
    CHECK(sys::listDirectory(zones.scratch / "upkeep").empty());
}

TEST_CASE("one end is one restart, however often it is told") {
    Zones zones;
    zones.upkeep->begin();
    zones.upkeep->running("web");
    zones.crash();
    zones.crash();
    zones.settle();
    zones.crash();
    zones.settle();
    CHECK(zones.booted.size() == 1);
}

TEST_CASE("too many restarts in the window end in maintenance, which a boot or clear ends") {
    Zones zones;
    zones.upkeep->begin();
    for (int i = 0; i < 4; ++i) {
        zones.upkeep->running("web");
        zones.crash();
        zones.settle();
    }
    CHECK(zones.booted.size() == 3);
    CHECK(zones.parked.at("web") ==
          "it was restarted 3 times within 600 s, and ended again: its init exited with status 3");
    CHECK(zones.upkeep->clear("web"));
    CHECK(zones.parked.at("web").empty());
    CHECK_FALSE(zones.upkeep->clear("web"));
    zones.upkeep->park("web", "no init");
    zones.upkeep->running("web");
    CHECK(zones.upkeep->maintenance("web").empty());
}

TEST_CASE("restarts of long ago are not counted") {
    Zones zones;
    zones.upkeep->begin();
    for (int i = 0; i < 10; ++i) {
        zones.upkeep->running("web");
        zones.crash();
        zones.settle();
        zones.now += 300;
    }
    CHECK(zones.booted.size() == 10);
    CHECK(zones.upkeep->maintenance("web").empty());
}

TEST_CASE("a zone that crashed while no service ran is booted by the next one") {
    Zones zones;
    zones.upkeep->begin();
    zones.upkeep->running("web");
    zones.serviceStarts();
    zones.crash(); // as recovery tells it
    zones.settle();
    CHECK(zones.booted.empty()); // not before all is recovered
    zones.upkeep->begin();
    zones.settle();
    CHECK(zones.booted.size() == 1);
}

TEST_CASE("a restart that was to come, and maintenance, outlive the service") {
    Zones zones;
    zones.upkeep->begin();
    zones.upkeep->running("web");
    zones.crash();
    zones.upkeep->park("db", "no init");
    zones.parked.clear();
    zones.serviceStarts();
    CHECK(zones.parked == std::map<std::string, std::string>{{"db", "no init"}});
    zones.upkeep->begin();
    zones.settle();
    CHECK(zones.booted == std::vector<std::string>{"web"});
}

TEST_CASE("whoever stops the zone, or shuts the host down, ends the wait for a restart") {
    Zones zones;
    zones.upkeep->begin();
    zones.upkeep->running("web");
    CHECK_FALSE(zones.upkeep->restarts("web"));
    zones.crash();
    CHECK(zones.upkeep->restarts("web"));
    zones.upkeep->stopAsked("web");
    CHECK_FALSE(zones.upkeep->restarts("web"));
    zones.upkeep->running("db");
    zones.upkeep->ended("db", {false, false, "its init was killed"});
    zones.upkeep->suspend(true);
    zones.settle();
    CHECK(zones.booted.empty());
    zones.upkeep->running("web");
    zones.crash();
    zones.settle();
    CHECK(zones.booted.empty());
}

TEST_CASE("a restart that fails counts, and ends in maintenance") {
    Zones zones;
    zones.upkeep->begin();
    zones.upkeep->running("web");
    zones.crash();
    for (std::uint32_t job = 1; job <= 3; ++job) {
        zones.settle();
        zones.upkeep->jobEnded(job, {FaultKind::bootFailed, "zone web: no init\nlast words"});
    }
    zones.settle();
    CHECK(zones.booted.size() == 3);
    CHECK(zones.parked.at("web").find("ended again: zone web: no init") != std::string::npos);
}

TEST_CASE("notes are read back as written, and nonsense is an empty one") {
    const daemon::UpkeepNote note{true, false, {1, 2}, "why \xff"};
    const daemon::UpkeepNote back = daemon::noteFrom(daemon::noteText(note));
    CHECK(back.up);
    CHECK(back.restarts == note.restarts);
    CHECK(back.maintenance.find("why ") == 0);
    for (const std::string text : {"", "{", "[]", "{\"up\": 7}", "{\"up\":true}"}) {
        CHECK_THROWS_AS(daemon::noteFrom(text), sys::Error);
    }
}
