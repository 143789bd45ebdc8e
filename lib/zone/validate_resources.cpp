#include "zone/validate_resources.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "zone/text_rules.hpp"

namespace zoned::zone {

namespace {

using Findings = std::vector<Finding>;

constexpr std::uint64_t minMemory = 16ULL << 20;
constexpr std::uint32_t maxProcesses = 4194304; // PID_MAX_LIMIT of the kernel
constexpr std::uint32_t maxWeight = 10000;      // CGROUP_WEIGHT_MAX of the kernel
constexpr std::size_t maxDevices = 32;
constexpr std::uint64_t minBytes = 1024; // a second
// The kernel takes neither 0 nor 1 (block/blk-throttle.c), and keeps the number in 32 bits.
constexpr std::uint64_t minOperations = 2;
constexpr std::uint64_t maxOperations = 1'000'000'000;
constexpr std::size_t maxPathBytes = 4095; // PATH_MAX without its NUL
constexpr std::size_t maxGroupName = 32;

void checkCpus(const Resources& resources, const HostResources&, Findings& findings) {
    const auto& cpus = resources.cpus;
    if (cpus && !(std::isfinite(*cpus) && *cpus >= 0.01 && *cpus <= 4096)) {
        findings.push_back({"cpus", "is 0.01 to 4096"});
    }
}

void checkWeights(const Resources& resources, const HostResources&, Findings& findings) {
    for (const auto& [key, weight] :
         {std::pair{"cpu-weight", resources.cpuWeight}, std::pair{"io-weight", resources.ioWeight}}) {
        if (weight && (*weight == 0 || *weight > maxWeight)) {
            findings.push_back({key, "is 1 to 10000; a zone without one has 100"});
        }
    }
}

void checkCpuSet(const Resources& resources, const HostResources& host, Findings& findings) {
    if (resources.cpuSet && !host.cpus.empty() && !host.cpus.contains(*resources.cpuSet)) {
        findings.push_back(
            {"cpu-set", resources.cpuSet->str() + " is outside of the processors of this host: " + host.cpus.str()});
    }
}

void checkMemory(const Resources& resources, const HostResources&, Findings& findings) {
    if (resources.memory && *resources.memory < minMemory) {
        findings.push_back({"memory", "is 16M or more: no init starts with less"});
    }
    if (resources.memoryHigh && *resources.memoryHigh < minMemory) {
        findings.push_back({"memory-high", "is 16M or more: no init starts with less"});
    } else if (resources.memoryHigh && resources.memory && *resources.memoryHigh > *resources.memory) {
        findings.push_back({"memory-high", "is larger than memory, so it would never be reached"});
    }
}

void checkProcesses(const Resources& resources, const HostResources&, Findings& findings) {
    const auto& processes = resources.processes;
    if (processes && (*processes == 0 || *processes > maxProcesses)) {
        findings.push_back({"processes", "is 1 to 4194304"});
    }
}

bool isDeviceName(const std::string& device) {
    return device == "disk" || (!device.empty() && device.front() == '/' && device.size() <= maxPathBytes &&
                                !hasControlCharacter(device) && device.find(' ') == std::string::npos);
}

void checkRates(const IoLimit& limit, const std::string& key, Findings& findings) {
    for (const auto& [name, rate] : {std::pair{"read", limit.read}, std::pair{"write", limit.write}}) {
        if (rate && *rate < minBytes) {
            findings.push_back({key + name, "is 1K or more, in bytes a second"});
        }
    }
    for (const auto& [name, rate] :
         {std::pair{"read-iops", limit.readIops}, std::pair{"write-iops", limit.writeIops}}) {
        if (rate && (*rate < minOperations || *rate > maxOperations)) {
            findings.push_back({key + name, "is 2 to 1000000000 operations a second"});
        }
    }
}

void checkIo(const Resources& resources, const HostResources& host, Findings& findings) {
    if (resources.io.size() > maxDevices) {
        findings.push_back({"io", "has at most 32 devices"});
    }
    std::set<std::string> seen;
    for (std::size_t i = 0; i < resources.io.size(); ++i) {
        const IoLimit& limit = resources.io[i];
        const std::string key = "io[" + std::to_string(i) + "].";
        if (!isDeviceName(limit.device)) {
            findings.push_back({key + "device", "is the absolute path of a block device, such as /dev/sda, or disk"});
        } else if (!seen.insert(limit.device).second) {
            findings.push_back({key + "device", limit.device + " has limits in this list already"});
        } else if (const std::string why = host.deviceProblem ? host.deviceProblem(limit.device) : ""; !why.empty()) {
            findings.push_back({key + "device", why});
        }
        if (!limit.read && !limit.write && !limit.readIops && !limit.writeIops) {
            findings.push_back({"io[" + std::to_string(i) + "]",
                                "limits nothing; give it one of read, write, read-iops and write-iops"});
        }
        checkRates(limit, key, findings);
    }
}

constexpr std::array checks{checkCpus, checkWeights, checkCpuSet, checkMemory, checkProcesses, checkIo};

} // namespace

std::vector<Finding> validateResources(const Resources& resources, const HostResources& host) {
    Findings findings;
    for (const auto check : checks) {
        check(resources, host, findings);
    }
    return findings;
}

std::string groupNameProblem(const std::string& name) {
    // '-' in the name of a slice means a slice within another (systemd.slice(5))
    const bool good = !name.empty() && name.size() <= maxGroupName && name.front() >= 'a' && name.front() <= 'z' &&
                      std::all_of(name.begin(), name.end(),
                                  [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
    return good ? "" : "a group's name is lower-case letters, digits and '_', at most 32 of them, a letter first";
}

} // namespace zoned::zone
