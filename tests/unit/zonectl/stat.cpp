#include <cmath>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "zonectl/arguments.hpp"
#include "zonectl/stat_report.hpp"

using namespace zoned::ctl;

namespace {

bool near(double value, double wanted) {
    return std::abs(value - wanted) < 1e-9;
}

Sample first() {
    return {{{"time", 100'000'000},
             {"up", 100'000'000},
             {"cpu-usage", 50'000'000},
             {"cpu-cap", 4000},
             {"memory", 600},
             {"memory-cap", 1000},
             {"io-reads", 10}},
            {{"db", "running", {}},
             {"web",
              "running",
              {{"time", 100'000'000},
               {"up", 10'000'000},
               {"cpu-usage", 5'000'000},
               {"cpu-cap", 500},
               {"memory", 100},
               {"memory-cap", 400},
               {"io-reads", 4},
               {"cpu-some", 1234}}}}};
}

Sample second() {
    Sample sample = first();
    sample.host["time"] = 102'000'000;
    sample.host["cpu-usage"] = 54'000'000;
    sample.host["io-reads"] = 30;
    sample.zones[1].numbers["time"] = 102'000'000;
    sample.zones[1].numbers["cpu-usage"] = 5'500'000;
    sample.zones[1].numbers["io-reads"] = 9;
    return sample;
}

} // namespace

TEST_CASE("without an earlier sample everything is since the boot", "[stat]") {
    const StatReport report = makeReport(first(), nullptr);
    CHECK_FALSE(report.interval);
    const Values& web = report.zones.at(1).values;
    CHECK(near(web.at("cpu-time"), 5));
    CHECK(near(web.at("cpu"), 0.5));
    CHECK(near(web.at("cpu-cap"), 100));
    CHECK(near(web.at("cpu-host"), 12.5));
    CHECK(near(web.at("memory-cap"), 25));
    CHECK(near(web.at("memory-host"), 10));
    CHECK(near(web.at("cpu-some"), 12.34));
    // the two were not started at the same time
    CHECK_FALSE(web.contains("reads-host"));
    CHECK(near(report.host.values.at("cpu"), 0.5));
    CHECK(near(report.host.values.at("memory-host"), 60));
}

TEST_CASE("with one, rates are of the time between", "[stat]") {
    const Sample before = first();
    const StatReport report = makeReport(second(), &before);
    CHECK(near(*report.interval, 2));
    const Values& web = report.zones.at(1).values;
    CHECK(near(web.at("cpu"), 0.25));
    CHECK(near(web.at("cpu-cap"), 50));
    CHECK(near(web.at("cpu-host"), 6.25));
    CHECK(near(web.at("reads"), 2.5));
    CHECK(near(web.at("reads-host"), 25));
    CHECK(near(web.at("reads-total"), 9));
    CHECK(near(report.total.values.at("cpu"), 0.25));
    CHECK(near(report.total.values.at("memory-host"), 10));
    CHECK_FALSE(report.total.values.contains("cpu-cap"));
    CHECK(near(report.total.values.at("cpu-some"), 12.34));
}

TEST_CASE("rates are shares of the zone's limit, and of the host's rate", "[stat]") {
    Sample before = first();
    Sample now = second();
    before.host.insert({{"net-rx-bytes", 1000}, {"net-tx-bytes", 1000}, {"io-write-bytes", 100}});
    now.host.insert({{"net-rx-bytes", 1400}, {"net-tx-bytes", 1100}, {"io-write-bytes", 200}});
    before.zones[1].numbers.insert({{"net-rx-bytes", 0},
                                    {"net-tx-bytes", 0},
                                    {"io-write-bytes", 0},
                                    {"io-write-bytes-capped", 0},
                                    {"io-write-bytes-cap", 50}});
    now.zones[1].numbers.insert({{"net-rx-bytes", 100},
                                 {"net-tx-bytes", 300},
                                 {"io-write-bytes", 104},
                                 {"io-write-bytes-capped", 60},
                                 {"io-write-bytes-cap", 40}});
    const Values web = makeReport(now, &before).zones.at(1).values;
    CHECK(near(web.at("rx-host"), 25));
    // the rest went to another zone
    CHECK(near(web.at("tx-host"), 300));
    // of the limit that holds now, at the device that has it
    CHECK(near(web.at("write-cap"), 75));
    CHECK_FALSE(web.contains("read-cap"));
    // the host was read a moment earlier
    CHECK(near(web.at("write-host"), 100));
    now.zones[1].numbers.erase("io-write-bytes-cap");
    CHECK_FALSE(makeReport(now, &before).zones.at(1).values.contains("write-cap"));
}

TEST_CASE("of pressure the total is the largest", "[stat]") {
    Sample sample = first();
    sample.zones[0].numbers = {{"cpu-some", 400}, {"io-full", 3}};
    const Values total = makeReport(sample, nullptr).total.values;
    CHECK(near(total.at("cpu-some"), 12.34));
    CHECK(near(total.at("io-full"), 0.03));
    CHECK_FALSE(total.contains("memory-some"));
}

TEST_CASE("columns stay where a wide value has put them", "[stat]") {
    const StatLayout layout{{"name", "memory"}, false};
    Widths widths;
    StatReport report;
    report.total = {"[total]", "", {{"memory", 1023}}};
    report.host = {"[host]", "", {{"memory", 1024 * 1023.9}}};
    const std::string wide = reportText(report, layout, widths);
    report.host.values["memory"] = 1;
    const std::string narrow = reportText(report, layout, widths);
    CHECK(wide.size() == narrow.size());
    CHECK(narrow.ends_with(" 1 B\n"));
}

TEST_CASE("what is not known is not there, in no share and no total", "[stat]") {
    const StatReport report = makeReport(first(), nullptr);
    CHECK(report.zones.at(0).values.empty());
    CHECK_FALSE(report.zones.at(1).values.contains("swap"));
    CHECK_FALSE(report.total.values.contains("swap"));
    CHECK(report.total.values.contains("memory"));
    Sample unlimited = first();
    unlimited.zones[1].numbers.erase("memory-cap");
    CHECK_FALSE(makeReport(unlimited, nullptr).zones.at(1).values.contains("memory-cap"));
}

TEST_CASE("a zone that booted meanwhile is counted from its boot, one that is new has no rates yet", "[stat]") {
    const Sample before = first();
    Sample rebooted = second();
    rebooted.zones[1].numbers["cpu-usage"] = 200'000;
    CHECK(near(makeReport(rebooted, &before).zones.at(1).values.at("cpu"), 0.1));
    Sample fresh = second();
    fresh.zones[0].numbers = fresh.zones[1].numbers;
    const Values db = makeReport(fresh, &before).zones.at(0).values;
    CHECK_FALSE(db.contains("cpu"));
    CHECK(db.contains("cpu-time"));
}

TEST_CASE("peaks are the largest of each value, also of zones that came late", "[stat]") {
    Peaks peaks;
    StatReport one = makeReport(first(), nullptr);
    one.zones = {{"m", "running", {{"cpu", 1}, {"memory", 7}}}};
    peaks.add(one);
    one.zones = {{"a", "running", {{"cpu", 3}}}, {"m", "down", {{"cpu", 0.5}, {"memory", 9}}}};
    peaks.add(one);
    REQUIRE(peaks.report().zones.size() == 2);
    CHECK(peaks.count() == 2);
    CHECK(peaks.report().zones[0].name == "a");
    CHECK(peaks.report().zones[1].values == Values{{"cpu", 1}, {"memory", 9}});
    CHECK(peaks.report().host.values == one.host.values);
}

TEST_CASE("values as people read them", "[stat]") {
    const auto text = [](Unit unit, double value) { return valueText(unit, &value); };
    CHECK(valueText(Unit::bytes, nullptr) == "-");
    CHECK(text(Unit::bytes, 1536) == "1.5 KiB");
    CHECK(text(Unit::bytesPerSecond, 0) == "0 B/s");
    CHECK(text(Unit::percent, 12.34) == "12.3%");
    CHECK(text(Unit::processors, 0.256) == "0.26");
    CHECK(text(Unit::seconds, 1.5) == "1.50 s");
    CHECK(text(Unit::count, 12) == "12");
    CHECK(text(Unit::perSecond, 2.5) == "2.5/s");
}

TEST_CASE("a report as JSON has null where nothing is known", "[stat]") {
    const auto layout = jsonLayoutOf("", "");
    const std::string line = reportJson(makeReport(first(), nullptr), layout, "2026-01-01T00:00:00.000000Z", 0);
    CHECK(line.find('\n') == line.size() - 1);
    const auto json = nlohmann::json::parse(line);
    CHECK(json.at("interval").is_null());
    CHECK(json.at("zones").at(0).at("cpu").is_null());
    CHECK(json.at("zones").at(1).at("memory") == 100);
    CHECK(json.at("zones").at(1).size() == statColumns().size() + 2);
    CHECK_FALSE(json.at("host").contains("name"));
}

TEST_CASE("columns are those that were asked for", "[stat]") {
    CHECK(layoutOf("name,cpu", "", true).columns == std::vector<std::string>{"name", "cpu"});
    CHECK_THROWS_AS(layoutOf("name,nosuch", "", true), UsageError);
    CHECK_THROWS_AS(layoutOf("", "cpu,gpu", true), UsageError);
    const auto rates = layoutOf("", "net", true).columns;
    CHECK(rates == std::vector<std::string>{"name", "rx", "tx", "rx-packets", "tx-packets", "rx-host", "tx-host",
                                            "rx-packets-host", "tx-packets-host"});
    for (const bool rate : {true, false}) {
        for (const std::string& column : layoutOf("", "", rate).columns) {
            INFO(column);
            CHECK_NOTHROW(layoutOf(column, "", rate));
        }
    }
}
