#include "host_numbers.hpp"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "stat_text.hpp"
#include "sys/file.hpp"

namespace zoned::daemon {
namespace {

constexpr std::uint64_t second = 1'000'000; // in microseconds
constexpr std::uint64_t sector = 512;       // of /proc/diskstats, whatever the disk's own

std::uint64_t ticksPerSecond() {
    const long ticks = ::sysconf(_SC_CLK_TCK);
    return ticks > 0 ? static_cast<std::uint64_t>(ticks) : 100;
}

void addProcessors(std::string_view line, std::uint64_t ticks, Numbers& numbers) {
    // proc(5): user nice system idle iowait irq softirq steal; guest time is in user's already
    std::uint64_t user = 0;
    std::uint64_t system = 0;
    for (int field = 0; field < 7; ++field) {
        const std::uint64_t value = numberOf(takeWord(line)).value_or(0);
        if (field < 2) {
            user += value;
        } else if (field == 2 || field == 5 || field == 6) {
            system += value;
        }
    }
    numbers["cpu-user"] = user * second / ticks;
    numbers["cpu-system"] = system * second / ticks;
    numbers["cpu-usage"] = (user + system) * second / ticks;
}

} // namespace

void addProcStat(std::string_view text, std::uint64_t ticks, Numbers& numbers) {
    std::uint64_t processors = 0;
    forEachLine(text, [&](std::string_view line) {
        const std::string_view key = takeWord(line);
        if (key == "cpu") {
            addProcessors(line, ticks, numbers);
        } else if (key.starts_with("cpu")) {
            ++processors;
        }
    });
    if (processors > 0) {
        numbers["cpu-cap"] = processors * 1000;
    }
}

void addMeminfo(std::string_view text, Numbers& numbers) {
    std::map<std::string, std::uint64_t, std::less<>> kib;
    forEachLine(text, [&](std::string_view line) {
        const std::string_view key = takeWord(line);
        if (const auto value = numberOf(takeWord(line))) {
            kib[std::string(key)] = *value;
        }
    });
    const auto add = [&](const std::string& used, const std::string& cap, const char* total, const char* free) {
        if (kib.contains(total) && kib.contains(free)) {
            numbers[cap] = kib[total] * 1024;
            numbers[used] = (kib[total] - std::min(kib[free], kib[total])) * 1024;
        }
    };
    // with the page cache, as a zone's: else the whole could look smaller than its parts
    add("memory", "memory-cap", "MemTotal:", "MemFree:");
    add("swap", "swap-cap", "SwapTotal:", "SwapFree:");
    if (const auto available = kib.find("MemAvailable:"); available != kib.end()) {
        numbers["memory-available"] = available->second * 1024;
    }
}

void addLoadavg(std::string_view text, Numbers& numbers) {
    for (int field = 0; field < 3; ++field) {
        (void)takeWord(text);
    }
    const std::string_view tasks = takeWord(text); // "2/345"
    if (const std::size_t slash = tasks.find('/'); slash != std::string_view::npos) {
        addNumber("processes", tasks.substr(slash + 1), numbers);
    }
}

void addDiskstats(std::string_view text, const IsDisk& isDisk, Numbers& numbers) {
    forEachLine(text, [&](std::string_view line) {
        const std::string major(takeWord(line));
        const std::string device = major + ":" + std::string(takeWord(line));
        (void)takeWord(line); // its name
        if (!isDisk(device)) {
            return;
        }
        // Documentation/admin-guide/iostats.rst: reads, merged, sectors, ms, writes, merged, sectors
        std::array<std::uint64_t, 7> values{};
        for (std::uint64_t& value : values) {
            value = numberOf(takeWord(line)).value_or(0);
        }
        numbers["io-reads"] += values[0];
        numbers["io-read-bytes"] += values[2] * sector;
        numbers["io-writes"] += values[4];
        numbers["io-write-bytes"] += values[6] * sector;
    });
}

void addHostLinks(const std::map<std::string, sys::LinkCounters>& links, Numbers& numbers) {
    const auto hardware = [](const sys::LinkCounters& link) { return link.kind.empty() && !link.loopback; };
    const auto uplink = [](const sys::LinkCounters& link) { return link.kind == "veth" && !link.port; };
    const bool any = std::ranges::any_of(links, [&](const auto& entry) { return hardware(entry.second); });
    for (const auto& [name, link] : links) {
        if (any ? hardware(link) : uplink(link)) {
            numbers["net-rx-bytes"] += link.rxBytes;
            numbers["net-rx-packets"] += link.rxPackets;
            numbers["net-tx-bytes"] += link.txBytes;
            numbers["net-tx-packets"] += link.txPackets;
        }
    }
}

std::uint64_t startTicks(std::string_view stat) {
    // the second field is the program's name, in parentheses, and may hold anything
    const std::size_t name = stat.rfind(')');
    if (name == std::string_view::npos) {
        return 0;
    }
    stat.remove_prefix(name + 1);
    std::string_view word;
    for (int field = 3; field <= 22; ++field) {
        word = takeWord(stat);
    }
    return numberOf(word).value_or(0);
}

Numbers hostNumbers(const IsDisk& isDisk) {
    Numbers numbers;
    numbers["time"] = bootTime();
    numbers["up"] = numbers["time"];
    addProcStat(statText("/proc/stat").value_or(""), ticksPerSecond(), numbers);
    addMeminfo(statText("/proc/meminfo").value_or(""), numbers);
    addOomKills(statText("/proc/vmstat").value_or(""), numbers);
    addLoadavg(statText("/proc/loadavg").value_or(""), numbers);
    addNumber("processes-cap", statText("/proc/sys/kernel/threads-max").value_or(""), numbers);
    Numbers pids;
    addNumber("max", statText("/proc/sys/kernel/pid_max").value_or(""), pids);
    if (pids.contains("max") && numbers.contains("processes-cap")) {
        numbers["processes-cap"] = std::min(numbers["processes-cap"], pids["max"]);
    }
    addDiskstats(statText("/proc/diskstats").value_or(""), isDisk, numbers);
    for (const std::string resource : {"cpu", "memory", "io"}) {
        addPressure(resource, statText("/proc/pressure/" + resource).value_or(""), numbers);
    }
    return numbers;
}

std::uint64_t bootTime() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * second + static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

std::uint64_t ageOf(std::uint32_t pid) {
    const std::uint64_t started = startTicks(statText("/proc/" + std::to_string(pid) + "/stat").value_or(""));
    const std::uint64_t now = bootTime();
    const std::uint64_t then = started * second / ticksPerSecond();
    return started == 0 || then >= now ? 0 : now - then;
}

bool BlockDevices::isDisk(std::string_view device) {
    if (const auto found = known_.find(device); found != known_.end()) {
        return found->second;
    }
    const std::string folder = "/sys/dev/block/" + std::string(device);
    const std::string_view major = device.substr(0, device.find(':'));
    // 1: RAM disks, 7: loop devices (Documentation/admin-guide/devices.txt)
    const bool disk = major != "1" && major != "7" && sys::exists(folder) && !sys::exists(folder + "/partition") &&
                      sys::listDirectory(folder + "/slaves").empty();
    known_.emplace(device, disk);
    return disk;
}

} // namespace zoned::daemon
