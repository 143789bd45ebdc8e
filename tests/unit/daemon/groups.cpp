#include "groups.hpp"

#include <filesystem>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/file.hpp"

using namespace zoned;

namespace {

zone::Resources limits() {
    zone::Resources all;
    all.cpus = 2.5;
    all.cpuWeight = 200;
    all.cpuSet = zone::parseCpuSet("0-1,3");
    all.memory = 4ULL << 30;
    all.memoryHigh = 3ULL << 30;
    all.swap = 0;
    all.processes = 1000;
    all.ioWeight = 50;
    all.io = {{"/dev/sda", 1 << 20, {}, 100, {}}, {"disk", {}, 2 << 20, {}, 200}};
    return all;
}

} // namespace

TEST_CASE("a group's limits are properties of a slice", "[groups]") {
    const std::string unit = daemon::groupUnit("customers", limits(), "/var/lib/zoned/zones");
    for (const char* line :
         {"[Slice]\n", "CPUQuota=250%\n", "CPUWeight=200\n", "AllowedCPUs=0-1,3\n", "MemoryMax=4294967296\n",
          "MemoryHigh=3221225472\n", "MemorySwapMax=0\n", "TasksMax=1000\n", "IOWeight=50\n",
          "IOReadBandwidthMax=/dev/sda 1048576\n", "IOReadIOPSMax=/dev/sda 100\n",
          "IOWriteBandwidthMax=/var/lib/zoned/zones 2097152\n", "IOWriteIOPSMax=/var/lib/zoned/zones 200\n"}) {
        CAPTURE(line);
        CHECK(unit.find(line) != std::string::npos);
    }
    const std::string none = daemon::groupUnit("empty", {}, "");
    CHECK(none.substr(none.find("[Slice]")) == "[Slice]\n");
}

TEST_CASE("limits are files of a cgroup, each with its controller", "[groups]") {
    std::vector<std::string> shown;
    const auto disk = [](const std::string& device) { return device == "disk" ? "8:16" : "8:0"; };
    for (const daemon::LimitFile& limit : daemon::limitFiles(limits(), disk)) {
        shown.push_back(limit.key + " " + limit.controller + " " + limit.file + " " + limit.value);
    }
    CHECK(shown == std::vector<std::string>{"cpus cpu cpu.max 250000 100000", "cpu-weight cpu cpu.weight 200",
                                            "cpu-set cpuset cpuset.cpus 0-1,3", "memory memory memory.max 4294967296",
                                            "memory-high memory memory.high 3221225472",
                                            "swap memory memory.swap.max 0", "processes pids pids.max 1000",
                                            "io-weight io io.weight default 50",
                                            "io[0] io io.max 8:0 rbps=1048576 wbps=max riops=100 wiops=max",
                                            "io[1] io io.max 8:16 rbps=max wbps=2097152 riops=max wiops=200"});
    CHECK(daemon::limitFiles({}, disk).empty());
}

TEST_CASE("a zone's cgroup is found where it is, not where it would be made now", "[groups]") {
    const test::TestFolder scratch;
    const std::string slice = scratch / "zones.slice";
    CHECK(daemon::zoneCgroup(slice, "web", "") == slice + "/web");
    CHECK(daemon::zoneCgroup(slice, "web", "customers") == slice + "/zones-customers.slice/web");
    std::filesystem::create_directories(slice + "/zones-old.slice/web");
    CHECK(daemon::zoneCgroup(slice, "web", "customers") == slice + "/zones-old.slice/web");
    CHECK(daemon::zoneCgroup(slice, "web", "") == slice + "/zones-old.slice/web");
    CHECK(daemon::zoneCgroup(slice, "db", "") == slice + "/db");
    std::filesystem::create_directories(slice + "/web");
    CHECK(daemon::zoneCgroup(slice, "web", "customers") == slice + "/web");
}

TEST_CASE("units are written where they differ, and taken away", "[groups]") {
    const test::TestFolder scratch;
    daemon::Host host{{}, store::Paths(""), "", "", "", true};
    host.settings.groups["customers"].memory = 4ULL << 30;
    daemon::GroupUnits units(host, scratch.path());
    const zone::ZoneName web("web");
    const std::string dropIn = scratch / "zone@web.service.d/zoned.conf";
    CHECK_FALSE(units.place(web, "", {}));
    CHECK(units.place(web, "customers", {}));
    CHECK(sys::readFile(dropIn) == "[Service]\nSlice=zones-customers.slice\n");
    CHECK(sys::readFile(scratch / "zones-customers.slice")->find("MemoryMax=4294967296\n") != std::string::npos);
    CHECK_FALSE(units.place(web, "customers", {}));
    host.settings.groups["customers"].memory = 2ULL << 30;
    CHECK(units.place(web, "customers", {}));
    CHECK(units.place(web, "", {.cpuWeight = 300, .ioWeight = 50}));
    CHECK(sys::readFile(dropIn) == "[Service]\nCPUWeight=300\nIOWeight=50\n");
    CHECK(units.place(web, "", {}));
    CHECK_FALSE(sys::exists(scratch / "zone@web.service.d"));
}
