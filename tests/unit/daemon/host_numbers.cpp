#include "host_numbers.hpp"

#include <unistd.h>

#include "support/catch.hpp"

using namespace zoned;
using namespace zoned::daemon;

TEST_CASE("processors: what is used is neither idle, nor waits, nor is counted twice", "[statistics]") {
    Numbers numbers;
    addProcStat("cpu  100 20 30 9999 7777 4 6 5 50 10\ncpu0 50 10 15 0 0 2 3 0 0 0\ncpu1 50 10 15 0 0 2 3 0 0 0\n"
                "intr 1 2 3\nctxt 5\n",
                100, numbers);
    CHECK(numbers ==
          Numbers{{"cpu-user", 1'200'000}, {"cpu-system", 400'000}, {"cpu-usage", 1'600'000}, {"cpu-cap", 2000}});
}

TEST_CASE("memory in use is what cannot be had back", "[statistics]") {
    Numbers numbers;
    addMeminfo("MemTotal:        1000 kB\nMemFree:  100 kB\nMemAvailable:    400 kB\nSwapTotal:  0 kB\nSwapFree: 0 kB\n"
               "HugePages_Total:       0\n",
               numbers);
    // with the page cache, as a zone's is counted: no part is larger than the whole
    CHECK(numbers == Numbers{{"memory", 900 * 1024},
                             {"memory-available", 400 * 1024},
                             {"memory-cap", 1000 * 1024},
                             {"swap", 0},
                             {"swap-cap", 0}});
    Numbers none;
    addMeminfo("MemTotal: 5 kB\n", none);
    CHECK(none.empty());
}

TEST_CASE("tasks stand behind the slash", "[statistics]") {
    Numbers numbers;
    addLoadavg("0.10 0.20 0.30 2/345 6789\n", numbers);
    CHECK(numbers == Numbers{{"processes", 345}});
    Numbers none;
    addLoadavg("0.10\n", none);
    CHECK(none.empty());
}

TEST_CASE("disks are counted, parts of disks are not", "[statistics]") {
    Numbers numbers;
    addDiskstats(
        "   8       0 sda 10 1 16 5 20 2 32 6 0 7 8 0 0 0 0 0 0\n   8       1 sda1 10 1 16 5 20 2 32 6 0 7 8\n",
        [](std::string_view device) { return device == "8:0"; }, numbers);
    CHECK(numbers ==
          Numbers{{"io-reads", 10}, {"io-read-bytes", 16 * 512}, {"io-writes", 20}, {"io-write-bytes", 32 * 512}});
}

TEST_CASE("the host's traffic is its hardware's, or a container's uplink's", "[statistics]") {
    const auto link = [](const char* kind, bool loopback, bool port, std::uint64_t bytes) {
        return sys::LinkCounters{kind, loopback, port, bytes, 1, bytes * 2, 2};
    };
    std::map<std::string, sys::LinkCounters> links{{"lo", link("", true, false, 1)},
                                                   {"zones0", link("bridge", false, false, 10)},
                                                   {"zv1", link("veth", false, true, 100)},
                                                   {"eth0", link("veth", false, false, 1000)}};
    Numbers contained;
    addHostLinks(links, contained);
    CHECK(contained.at("net-rx-bytes") == 1000);
    links["enp1"] = link("", false, false, 7);
    links["enp2"] = link("", false, true, 20);
    Numbers real;
    addHostLinks(links, real);
    CHECK(real.at("net-rx-bytes") == 27);
    CHECK(real.at("net-tx-bytes") == 54);
    Numbers none;
    addHostLinks({}, none);
    CHECK(none.empty());
}

TEST_CASE("a program's name does not lead astray", "[statistics]") {
    CHECK(startTicks("12 (a) b 7) (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20\n") == 4711);
    CHECK(startTicks("12 (x) S 1 2 3") == 0);
    CHECK(startTicks("") == 0);
    CHECK(ageOf(static_cast<std::uint32_t>(::getpid())) < 3'600'000'000);
    CHECK(ageOf(1) > ageOf(static_cast<std::uint32_t>(::getpid())));
}

TEST_CASE("this machine tells its numbers", "[statistics]") {
    BlockDevices devices;
    const Numbers numbers = hostNumbers([&](std::string_view device) { return devices.isDisk(device); });
    for (const char* name : {"time", "up", "cpu-usage", "cpu-cap", "memory", "memory-cap", "processes"}) {
        INFO(name);
        REQUIRE(numbers.contains(name));
        CHECK(numbers.at(name) > 0);
    }
    CHECK(numbers.at("memory") < numbers.at("memory-cap"));
    CHECK_FALSE(devices.isDisk("7:0"));
    CHECK_FALSE(devices.isDisk("0:0"));
}
