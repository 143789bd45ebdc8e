#include "cgroup_numbers.hpp"

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/file.hpp"

using namespace zoned::daemon;

namespace {

bool everyDisk(std::string_view) {
    return true;
}

template <typename Add, typename... More>
Numbers numbersOf(Add&& add, const More&... more) {
    Numbers numbers;
    add(more..., numbers);
    return numbers;
}

} // namespace

TEST_CASE("cpu.stat without and with its controller", "[statistics]") {
    const std::string basic = "usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\n";
    CHECK(numbersOf(addCpuStat, basic) ==
          Numbers{{"cpu-usage", 1500000}, {"cpu-user", 1000000}, {"cpu-system", 500000}});
    const Numbers full = numbersOf(addCpuStat, basic + "nice_usec 0\ncore_sched.force_idle_usec 7\nnr_periods 10\n"
                                                       "nr_throttled 3\nthrottled_usec 42\nnr_bursts 0\n");
    CHECK(full.at("cpu-throttled") == 42);
    CHECK(full.size() == 4);
    CHECK(numbersOf(addCpuStat, "usage_usec\nusage_usec x\n\nusage_usec -1").empty());
}

TEST_CASE("cpu.max in thousandths of a processor; none is no number", "[statistics]") {
    CHECK(numbersOf(addCpuMax, "50000 100000\n") == Numbers{{"cpu-cap", 500}});
    CHECK(numbersOf(addCpuMax, "1000000 100000\n") == Numbers{{"cpu-cap", 10000}});
    CHECK(numbersOf(addCpuMax, "max 100000\n").empty());
    CHECK(numbersOf(addCpuMax, "50000 0\n").empty());
    CHECK(numbersOf(addCpuMax, "").empty());
}

TEST_CASE("files with one number: max is no number, and 0 is one", "[statistics]") {
    const auto number = [](const char* text) {
        return numbersOf([](const char* file, Numbers& numbers) { addNumber("n", file, numbers); }, text);
    };
    CHECK(number("0\n") == Numbers{{"n", 0}});
    CHECK(number("18446744073709551615\n") == Numbers{{"n", UINT64_MAX}});
    CHECK(number("18446744073709551616\n").empty());
    CHECK(number("max\n").empty());
    CHECK(number("").empty());
}

TEST_CASE("io.stat is added up over disks, and not over what is stacked upon them", "[statistics]") {
    const std::string text = "8:0 rbytes=4096 wbytes=100 rios=1 wios=2 dbytes=9 dios=9\n"
                             "8:16 \n"
                             "253:0 rbytes=4096 wbytes=100 rios=1 wios=2 dbytes=0 dios=0\n"
                             "8:32 rbytes=1000 wbytes=1 rios=5 wios=1 dbytes=0 dios=0 cost.usage=17\n";
    Numbers numbers;
    addIoStat(
        text, [](std::string_view device) { return device != "253:0"; }, numbers);
    CHECK(numbers == Numbers{{"io-read-bytes", 5096}, {"io-write-bytes", 101}, {"io-reads", 6}, {"io-writes", 3}});
    Numbers none;
    addIoStat("", everyDisk, none);
    CHECK(none == Numbers{{"io-read-bytes", 0}, {"io-write-bytes", 0}, {"io-reads", 0}, {"io-writes", 0}});
}

TEST_CASE("limits of io are added up over devices, with what was counted at those that have one", "[statistics]") {
    const std::string counted = "8:0 rbytes=4096 wbytes=100 rios=1 wios=2 dbytes=9 dios=9\n"
                                "8:32 rbytes=1000 wbytes=1 rios=5 wios=1\n";
    const auto numbers = [&](std::string_view text) {
        return numbersOf([&](std::string_view file, Numbers& into) { addIoMax(file, counted, into); }, text);
    };
    CHECK(numbers("8:0 rbps=2000 wbps=max riops=max wiops=7\n") == Numbers{{"io-read-bytes-cap", 2000},
                                                                           {"io-read-bytes-capped", 4096},
                                                                           {"io-writes-cap", 7},
                                                                           {"io-writes-capped", 2}});
    CHECK(numbers("8:0 rbps=2000 wbps=max riops=max wiops=max\n8:32 rbps=1 wbps=max riops=max wiops=max\n") ==
          Numbers{{"io-read-bytes-cap", 2001}, {"io-read-bytes-capped", 5096}});
    // nothing was read there yet
    CHECK(numbers("8:48 rbps=2000\n") == Numbers{{"io-read-bytes-cap", 2000}, {"io-read-bytes-capped", 0}});
    CHECK(numbers("").empty());
    CHECK(numbers("8:0\n8:0 rbps= wbps\n").empty());
}

TEST_CASE("pressure in hundredths of a percent and microseconds", "[statistics]") {
    Numbers numbers;
    addPressure(
        "memory",
        "some avg10=12.34 avg60=1.00 avg300=0.10 total=123456\nfull avg10=0.05 avg60=0.00 avg300=0.00 total=9\n",
        numbers);
    CHECK(numbers ==
          Numbers{{"memory-some", 1234}, {"memory-some-time", 123456}, {"memory-full", 5}, {"memory-full-time", 9}});
    // Linux 5.12 and older have no "full" for processors
    Numbers some;
    addPressure("cpu", "some avg10=100.00 avg60=1.00 avg300=0.10 total=1\n", some);
    CHECK(some == Numbers{{"cpu-some", 10000}, {"cpu-some-time", 1}});
    Numbers broken;
    addPressure("cpu", "some avg10=1 avg60\nother avg10=1.00\nsome avg10=x.00 total=\n", broken);
    CHECK(broken.empty());
}

TEST_CASE("what a cgroup does not have is left out", "[statistics]") {
    const zoned::test::TestFolder folder;
    CHECK(cgroupNumbers(folder.path(), everyDisk).empty());
    const auto write = [&](const std::string& file, std::string_view text) {
        zoned::sys::replaceVolatileFile(folder.path() + "/" + file, text);
    };
    write("cpu.stat", "usage_usec 5\nuser_usec 3\nsystem_usec 2\n");
    CHECK(cgroupNumbers(folder.path(), everyDisk).size() == 3);
    write("cpu.max", "max 100000\n");
    write("memory.current", "8192\n");
    write("memory.max", "max\n");
    write("memory.peak", "16384\n");
    write("memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 3\noom_group_kill 0\n");
    write("memory.swap.current", "0\n");
    write("memory.swap.max", "4096\n");
    write("pids.current", "3\n");
    write("pids.max", "16384\n");
    write("io.stat", "");
    write("io.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
    const Numbers all = cgroupNumbers(folder.path(), everyDisk);
    CHECK(all == Numbers{{"cpu-usage", 5},
                         {"cpu-user", 3},
                         {"cpu-system", 2},
                         {"memory", 8192},
                         {"memory-peak", 16384},
                         {"oom-kills", 3},
                         {"swap", 0},
                         {"swap-cap", 4096},
                         {"processes", 3},
                         {"processes-cap", 16384},
                         {"io-read-bytes", 0},
                         {"io-write-bytes", 0},
                         {"io-reads", 0},
                         {"io-writes", 0},
                         {"io-some", 0},
                         {"io-some-time", 0}});
}
