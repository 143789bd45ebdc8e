// What the files of a cgroup (and of /proc) say, as numbers with names.
//
// The names and their units are those of org.zoned1.Manager.Stat. A number that cannot be had, because its
// controller is not there, the kernel is older or there is no limit, is left out: 0 always means 0.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace zoned::daemon {

/// By name: "cpu-usage".
using Numbers = std::map<std::string, std::uint64_t>;

/// Whether a block device ("8:0") is a disk of its own and not a part of one, or something stacked upon others: what
/// goes through those is counted at the disk below.
using IsDisk = std::function<bool(std::string_view device)>;

// Each takes a file's text and puts what it knows of it into `numbers`; what it does not understand it passes over.

void addCpuStat(std::string_view text, Numbers& numbers);
/// cpu.max: "50000 100000"
void addCpuMax(std::string_view text, Numbers& numbers);
/// A file with one number; "max" is none.
void addNumber(const std::string& name, std::string_view text, Numbers& numbers);
/// memory.events, or /proc/vmstat.
void addOomKills(std::string_view text, Numbers& numbers);
void addIoStat(std::string_view text, const IsDisk& isDisk, Numbers& numbers);
/// io.max, with io.stat's text: the limits, summed up over devices, and what was counted at devices that have one.
void addIoMax(std::string_view text, std::string_view ioStat, Numbers& numbers);
/// @param resource "cpu", "memory" or "io"
void addPressure(const std::string& resource, std::string_view text, Numbers& numbers);

/// All that the cgroup's files tell.
/// @param cgroup absolute path; one that is gone gives nothing
[[nodiscard]] Numbers cgroupNumbers(const std::string& cgroup, const IsDisk& isDisk);

} // namespace zoned::daemon
