// What the whole host uses and has, as numbers with names: see cgroup_numbers.hpp.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "cgroup_numbers.hpp"
#include "sys/netlink.hpp"

namespace zoned::daemon {

/// /proc/stat. @param ticks of the clock in a second, sysconf(_SC_CLK_TCK)
void addProcStat(std::string_view text, std::uint64_t ticks, Numbers& numbers);
void addMeminfo(std::string_view text, Numbers& numbers);
/// /proc/loadavg: how many tasks there are.
void addLoadavg(std::string_view text, Numbers& numbers);
void addDiskstats(std::string_view text, const IsDisk& isDisk, Numbers& numbers);
/// What came to and left the host: over its hardware, or, where it has none because it is a container itself, over
/// the veths that are in no bridge.
void addHostLinks(const std::map<std::string, sys::LinkCounters>& links, Numbers& numbers);
/// When the process was started, in ticks since the host was; from /proc/PID/stat. 0 where the text is none.
[[nodiscard]] std::uint64_t startTicks(std::string_view stat);

[[nodiscard]] Numbers hostNumbers(const IsDisk& isDisk);
/// Microseconds since the host was started (CLOCK_BOOTTIME).
[[nodiscard]] std::uint64_t bootTime();
/// Microseconds since the process was started; 0 where there is none.
[[nodiscard]] std::uint64_t ageOf(std::uint32_t pid);

/// Looks at /sys/dev/block, once for each device as long as it lives: not long, since numbers are used again.
class BlockDevices {
public:
    [[nodiscard]] bool isDisk(std::string_view device);

private:
    std::map<std::string, bool, std::less<>> known_;
};

} // namespace zoned::daemon
