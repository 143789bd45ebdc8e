#include "autoboot.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "support/catch.hpp"

using namespace zoned;
using namespace std::chrono_literals;
using daemon::Autoboot;
using daemon::BootWish;
using daemon::JobEnd;
using zone::FaultKind;

namespace {

/// Zones that boot when the test says so.
struct Lifecycle {
    sys::EventLoop loop;
    std::vector<std::string> begun;
    std::vector<std::string> cancelled;
    std::map<std::string, std::string> parked;
    std::map<std::string, std::uint32_t> jobs; // of the latest boot
    std::set<std::string> refusing;            // boot() throws for these
    std::set<std::string> open;                // their boots have not ended
    std::size_t most = 0;                      // at once
    std::uint32_t last = 0;
    Autoboot autoboot{loop,
                      {[this](const std::string& name) {
                           begun.push_back(name);
                           if (refusing.contains(name)) {
                               throw zone::Fault(FaultKind::wrongState, "no root");
                           }
                           open.insert(name);
                           most = std::max(most, open.size());
                           return jobs[name] = ++last;
                       },
                       [this](std::uint32_t job) {
                           const auto found =
                               std::ranges::find_if(jobs, [job](const auto& entry) { return entry.second == job; });
                           cancelled.push_back(found->first);
                           fails(std::string(found->first), FaultKind::cancelled, "halted");
                       },
                       [this](const std::string& name, const std::string& why) { parked[name] = why; }, [] {}}};

    void settle(std::chrono::microseconds time = 1ms) {
        const auto end = loop.after(time, [this] { loop.quit(0); });
        loop.run();
    }
    void begin(const std::vector<BootWish>& wishes, std::size_t parallel = 8) {
        autoboot.begin(wishes, {parallel, 60s, 1ms});
        settle();
    }
    void ready(const std::string& name) {
        open.erase(name);
        autoboot.jobEnded(jobs.at(name), {});
        settle();
    }
    void fails(const std::string& name, FaultKind kind = FaultKind::bootFailed, const std::string& why = "no init") {
        open.erase(name);
        autoboot.jobEnded(jobs.at(name), {kind, why});
    }
};

BootWish wish(const std::string& name, std::vector<std::string> after = {}, std::vector<std::string> needs = {}) {
    BootWish result;
    result.name = name;
    result.after = std::move(after);
    result.needs = std::move(needs);
    return result;
}

using Names = std::vector<std::string>;

} // namespace

TEST_CASE(
    "a zone whose init runs and tells no readiness keeps no other from being booted, but those that wait for it") {
    Lifecycle zones;
    zones.begin({{.name = "a"}, {.name = "b"}, {.name = "c", .after = {"a"}}}, 1);
    CHECK(zones.begun == std::vector<std::string>{"a"});
    zones.autoboot.settling("a");
    zones.autoboot.settling("a");
    zones.autoboot.settling("nobody");
    zones.settle();
    CHECK(zones.begun == std::vector<std::string>{"a", "b"});
    zones.ready("a");
    CHECK(zones.begun == std::vector<std::string>{"a", "b"}); // b has the only place
    zones.ready("b");
    CHECK(zones.begun == std::vector<std::string>{"a", "b", "c"});
    zones.ready("c");
    CHECK(zones.autoboot.done());
}

TEST_CASE("zones wait until those before them are ready, not for less") {
    Lifecycle zones;
    zones.begin({wish("app", {}, {"db"}), wish("db"), wish("web", {"app"})});
    CHECK(zones.begun == Names{"db"});
    zones.settle(5ms);
    CHECK(zones.begun == Names{"db"});
    zones.ready("db");
    CHECK(zones.begun == Names{"db", "app"});
    zones.ready("app");
    zones.ready("web");
    CHECK(zones.begun == Names{"db", "app", "web"});
    CHECK(zones.autoboot.done());
    CHECK(zones.autoboot.failures().empty());
}

TEST_CASE("no more zones are booted at once than the limit, the higher priority first") {
    Lifecycle zones;
    std::vector<BootWish> wishes;
    for (const std::string name : {"a", "b", "c", "d", "e"}) {
        wishes.push_back(wish(name));
        wishes.back().priority = name == "d" ? 200 : 100;
    }
    zones.begin(wishes, 2);
    CHECK(zones.begun == Names{"d", "a"});
    zones.ready("a");
    CHECK(zones.begun == Names{"d", "a", "b"});
    for (const std::string name : {"d", "b", "c", "e"}) {
        zones.ready(name);
    }
    CHECK(zones.autoboot.done());
    CHECK(zones.most == 2);
}

TEST_CASE("a failed boot is tried again, then the zone is parked with the reason and others go on") {
    Lifecycle zones;
    BootWish bad = wish("bad");
    bad.retries = 2;
    zones.begin({bad, wish("good"), wish("late", {"bad"})}, 1);
    CHECK(zones.begun == Names{"bad"});
    zones.fails("bad");
    zones.settle(300us); // within the pause, another zone has the place
    CHECK(zones.begun == Names{"bad", "good"});
    zones.ready("good");
    zones.settle(10ms);
    zones.fails("bad");
    zones.settle(10ms);
    CHECK(zones.parked.empty());
    zones.fails("bad");
    zones.settle(10ms);
    CHECK(std::ranges::count(zones.begun, "bad") == 3);
    CHECK(zones.parked == std::map<std::string, std::string>{{"bad", "no init"}});
    CHECK(zones.begun.back() == "late"); // `after` waits for no more than the zone's end of trying
    zones.ready("late");
    CHECK(zones.autoboot.done());
    CHECK(zones.autoboot.failures() == Names{"zone bad was not booted: no init"});
}

TEST_CASE("a zone is not booted without what it requires, and says so, along the whole chain") {
    Lifecycle zones;
    zones.refusing = {"db"};
    zones.begin({wish("app", {}, {"db"}), wish("db"), wish("web", {}, {"app"}), wish("other")});
    CHECK(zones.begun == Names{"db", "other"});
    CHECK(zones.parked.at("db") == "no root");
    CHECK(zones.parked.at("app") == "zone db, which it requires, was not booted: no root");
    CHECK(zones.parked.at("web").find("zone app, which it requires, was not booted: zone db") == 0);
}

TEST_CASE("a zone that cannot be booted at all takes those along that require it") {
    Lifecycle zones;
    BootWish corrupt = wish("db");
    corrupt.problem = "its definition cannot be used";
    zones.begin({corrupt, wish("app", {}, {"db"}), wish("web", {"db"})});
    CHECK(zones.begun == Names{"web"});
    CHECK(zones.parked.contains("app"));
    CHECK_FALSE(zones.parked.contains("db")); // its own state tells already
}

TEST_CASE("a zone that does not become ready in time is halted and tried again") {
    Lifecycle zones;
    BootWish hanging = wish("hanging");
    hanging.retries = 1;
    zones.autoboot.begin({hanging, wish("after", {"hanging"})}, {4, 5ms, 1ms});
    zones.settle(100ms);
    CHECK(zones.begun == Names{"hanging", "hanging", "after"});
    CHECK(zones.cancelled == Names{"hanging", "hanging", "after"});
    CHECK(zones.parked.at("hanging").find("it was not ready after") == 0);
}

TEST_CASE("a boot that somebody cancels is neither tried again nor parked") {
    Lifecycle zones;
    BootWish stopped = wish("stopped");
    stopped.retries = 5;
    zones.begin({stopped});
    zones.fails("stopped", FaultKind::cancelled, "zone stopped was halted meanwhile");
    zones.settle(20ms);
    CHECK(zones.begun == Names{"stopped"});
    CHECK(zones.parked.empty());
    CHECK(zones.autoboot.done());
}

TEST_CASE("zones that wait for each other, by definitions changed by hand, do not wait for ever") {
    Lifecycle zones;
    zones.begin({wish("a", {"b"}), wish("b", {"a"}), wish("c")});
    zones.ready("c");
    zones.settle(5ms);
    CHECK(zones.parked.size() == 1); // the cycle is broken there
    CHECK(zones.begun == Names{"c", "b"});
    zones.ready("b");
    CHECK(zones.autoboot.done());
}

TEST_CASE("after stop nothing more is begun") {
    Lifecycle zones;
    zones.begin({wish("a"), wish("b", {"a"})});
    zones.autoboot.stop();
    zones.ready("a");
    CHECK(zones.begun == Names{"a"});
}

TEST_CASE("pauses double up to a minute") {
    CHECK(daemon::backOff(1s, 0) == 1s);
    CHECK(daemon::backOff(1s, 3) == 8s);
    CHECK(daemon::backOff(1s, 6) == 60s);
    CHECK(daemon::backOff(1s, 4'000'000'000U) == 60s);
}
