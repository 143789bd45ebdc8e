#include "platform/limits.hpp"

#include "support/catch.hpp"

using namespace zoned::platform;

using Limits = std::vector<Limit>;

TEST_CASE("only what is different is written", "[limits]") {
    const Limits before{{"cpu.max", "150000 100000"}, {"memory.max", "536870912"}, {"pids.max", "512"}};
    Limits after = before;
    CHECK(limitWrites(before, after).empty());
    after[1].value = "1073741824";
    CHECK(limitWrites(before, after) == Limits{{"memory.max", "1073741824"}});
}

TEST_CASE("a limit that is gone is written as none", "[limits]") {
    const Limits before{{"cpu.max", "150000 100000"}, {"cpu.weight", "200"},
                        {"cpuset.cpus", "0-1"},       {"memory.high", "536870912"},
                        {"io.weight", "default 50"},  {"io.max", "8:0 rbps=1 wbps=max riops=max wiops=max"}};
    CHECK(limitWrites(before, {}) == Limits{{"cpu.max", "max"},
                                            {"cpu.weight", "100"},
                                            {"cpuset.cpus", ""},
                                            {"memory.high", "max"},
                                            {"io.weight", "default 100"},
                                            {"io.max", "8:0 rbps=max wbps=max riops=max wiops=max"}});
}

TEST_CASE("disks have limits of their own", "[limits]") {
    const Limit first{"io.max", "8:0 rbps=2048 wbps=max riops=max wiops=max"};
    const Limit second{"io.max", "8:16 rbps=4096 wbps=max riops=max wiops=max"};
    CHECK(limitWrites({first}, {first, second}) == Limits{second});
    CHECK(limitWrites({first, second}, {second}) == Limits{{"io.max", "8:0 rbps=max wbps=max riops=max wiops=max"}});
}

TEST_CASE("limits go over the socket and back", "[limits]") {
    const Limits limits{{"cpuset.cpus", "0-1,3"}, {"io.weight", "default 50"}};
    CHECK(limitsFromJson(toJson(limits)) == limits);
    CHECK_THROWS(limitsFromJson("[{\"file\": 1}]"));
    CHECK_THROWS(limitsFromJson("nonsense"));
}
