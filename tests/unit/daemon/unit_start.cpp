#include "unit_start.hpp"

#include <optional>

#include "support/catch.hpp"

using namespace zoned;
using namespace std::chrono_literals;
using daemon::startWithin;
using daemon::UnitStarted;

TEST_CASE("a unit whose start never ends is given up after the limit, once", "[unit_start]") {
    sys::EventLoop loop;
    UnitStarted ended;
    std::vector<std::string> told;
    startWithin(
        loop, 30ms,
        [&](const std::string& problem) {
            told.push_back(problem);
            loop.quit(0);
        },
        [&](UnitStarted then) { ended = std::move(then); });
    const auto guard = loop.after(10s, [&] { loop.quit(1); });
    CHECK(loop.run() == 0);
    REQUIRE(told.size() == 1);
    CHECK(told[0].find("has not started within") != std::string::npos);
    ended(""); // systemd's late word
    CHECK(told.size() == 1);
}

TEST_CASE("the end of a unit's start is told at once, and the limit is not", "[unit_start]") {
    sys::EventLoop loop;
    std::vector<std::string> told;
    UnitStarted ended;
    for (const char* problem : {"", "the start has failed"}) {
        startWithin(
            loop, 30ms, [&](const std::string& text) { told.push_back(text); },
            [&](UnitStarted then) { ended = std::move(then); });
        ended(problem);
    }
    startWithin(
        loop, 30ms, [&](const std::string& text) { told.push_back(text); },
        [](const UnitStarted& then) { then("within the call"); });
    const auto end = loop.after(120ms, [&] { loop.quit(0); });
    CHECK(loop.run() == 0);
    CHECK(told == std::vector<std::string>{"", "the start has failed", "within the call"});
}
