#include "host_shutdown.hpp"

#include <map>

#include "support/catch.hpp"

using namespace zoned;
using namespace std::chrono_literals;
using daemon::HostShutdown;
using daemon::StopWish;
using zone::FaultKind;

namespace {

struct Lifecycle {
    sys::EventLoop loop;
    std::vector<std::string> done; // "shutdown db", "halt web"
    std::map<std::string, std::uint32_t> jobs;
    bool busy = false;
    std::uint32_t last = 0;
    HostShutdown shutdown{loop,
                          {[this](const std::string& name) {
                               if (busy) {
                                   throw zone::Fault(FaultKind::busy, "it boots");
                               }
                               done.push_back("shutdown " + name);
                               return jobs[name] = ++last;
                           },
                           [this](const std::string& name) {
                               done.push_back("halt " + name);
                               return jobs[name] = ++last;
                           },
                           [] {}}};

    void settle(std::chrono::microseconds time = 1ms) {
        const auto end = loop.after(time, [this] { loop.quit(0); });
        loop.run();
    }
    void gone(const std::string& name) {
        shutdown.jobEnded(jobs.at(name), {});
        settle();
    }
};

using Names = std::vector<std::string>;

} // namespace

TEST_CASE("a zone that others wait for goes down after them") {
    Lifecycle zones;
    zones.shutdown.begin({{"db", false, {"app", "web"}}, {"app", false, {"web"}}, {"web", false, {}}}, 60s);
    zones.settle();
    CHECK(zones.done == Names{"shutdown web"});
    zones.gone("web");
    zones.gone("app");
    CHECK_FALSE(zones.shutdown.done());
    zones.gone("db");
    CHECK(zones.done == Names{"shutdown web", "shutdown app", "shutdown db"});
    CHECK(zones.shutdown.done());
    CHECK(zones.shutdown.remarks().empty());
}

TEST_CASE("a zone with host-shutdown: halt is halted, and one that cannot be asked, too") {
    Lifecycle zones;
    zones.shutdown.begin({{"a", true, {}}}, 60s);
    zones.settle();
    zones.busy = true;
    CHECK(zones.done == Names{"halt a"});
    zones.shutdown.begin({{"b", false, {}}}, 60s);
    zones.settle();
    CHECK(zones.done == Names{"halt a", "halt b"});
    CHECK(zones.shutdown.remarks() == Names{"zone b was halted: it boots"});
}

TEST_CASE("when the time is over, what runs is halted, also what had not had its turn") {
    Lifecycle zones;
    zones.shutdown.begin({{"db", false, {"web"}}, {"web", false, {}}}, 20ms);
    zones.settle(60ms);
    CHECK(zones.done == Names{"shutdown web", "halt db", "halt web"});
    zones.gone("db");
    zones.gone("web");
    CHECK(zones.shutdown.done());
    CHECK(zones.shutdown.remarks().size() == 2);
}

TEST_CASE("a shutdown that fails is followed by a halt, and one halt that fails by no more") {
    Lifecycle zones;
    zones.shutdown.begin({{"a", false, {}}}, 60s);
    zones.settle();
    zones.shutdown.jobEnded(zones.jobs.at("a"), {FaultKind::failed, "it does not answer"});
    zones.settle();
    CHECK(zones.done == Names{"shutdown a", "halt a"});
    zones.shutdown.jobEnded(zones.jobs.at("a"), {FaultKind::failed, "it waits for a device"});
    zones.settle();
    CHECK(zones.shutdown.done());
    CHECK(zones.shutdown.remarks().back() == "zone a could not be halted: it waits for a device");
}

TEST_CASE("with no zones it is done at once, and zones in a cycle are all stopped") {
    Lifecycle zones;
    zones.shutdown.begin({}, 60s);
    zones.settle();
    CHECK(zones.shutdown.done());
    zones.shutdown.begin({{"a", false, {"b"}}, {"b", false, {"a"}}}, 60s);
    zones.settle();
    CHECK(zones.done == Names{"shutdown a", "shutdown b"});
}
