#include "resource_limits.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "store/resources_yaml.hpp"
#include "sys/block_device.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "zone/fault.hpp"

namespace zoned::daemon {
namespace {

constexpr std::uint32_t cpuPeriod = 100'000; // microseconds: the kernel's default

std::string rate(const std::optional<std::uint64_t>& value) {
    return value ? std::to_string(*value) : "max";
}

std::string ioMax(const zone::IoLimit& limit, const std::string& disk) {
    return sys::join(disk, " rbps=", rate(limit.read), " wbps=", rate(limit.write), " riops=", rate(limit.readIops),
                     " wiops=", rate(limit.writeIops));
}

} // namespace

std::vector<LimitFile> limitFiles(const zone::Resources& resources, const DiskNumber& diskNumber) {
    std::vector<LimitFile> files;
    const auto add = [&files](const char* key, const char* controller, const char* file, const auto& value) {
        if (value) {
            files.push_back({key, controller, file, std::to_string(*value)});
        }
    };
    if (resources.cpus) {
        const auto quota = static_cast<std::uint64_t>(std::llround(*resources.cpus * cpuPeriod));
        files.push_back({"cpus", "cpu", "cpu.max", sys::join(quota, " ", cpuPeriod)});
    }
    add("cpu-weight", "cpu", "cpu.weight", resources.cpuWeight);
    if (resources.cpuSet) {
        files.push_back({"cpu-set", "cpuset", "cpuset.cpus", resources.cpuSet->str()});
    }
    add("memory", "memory", "memory.max", resources.memory);
    add("memory-high", "memory", "memory.high", resources.memoryHigh);
    add("swap", "memory", "memory.swap.max", resources.swap);
    add("processes", "pids", "pids.max", resources.processes);
    if (resources.ioWeight) {
        files.push_back({"io-weight", "io", "io.weight", sys::join("default ", *resources.ioWeight)});
    }
    for (std::size_t i = 0; i < resources.io.size(); ++i) {
        const zone::IoLimit& limit = resources.io[i];
        files.push_back({sys::join("io[", i, "]"), "io", "io.max", ioMax(limit, diskNumber(limit.device))});
    }
    return files;
}

std::vector<LimitFile> offeredLimits(const zone::Resources& resources, const DiskNumber& diskNumber,
                                     const std::vector<std::string>& controllers, const std::string& owner,
                                     const std::string& object, std::vector<std::string>& warnings) {
    std::vector<LimitFile> offered;
    for (LimitFile& limit : limitFiles(resources, diskNumber)) {
        if (std::ranges::find(controllers, limit.controller) != controllers.end()) {
            offered.push_back(std::move(limit));
            continue;
        }
        const std::string text = owner + limit.key + " of " + object + " needs the cgroup controller '" +
                                 limit.controller + "', which this host does not offer";
        if (!resources.optional) {
            throw zone::Fault(zone::FaultKind::limitUnavailable,
                              text + "; enable it (see cgroup.controllers of the cgroup v2 mount), or set " + owner +
                                  "optional: true to go without the limit");
        }
        warnings.push_back(text + "; it goes without the limit");
    }
    return offered;
}

std::vector<std::pair<std::string, std::string>> limitsInEffect(const zone::Resources& resources,
                                                                const std::vector<std::string>& controllers) {
    const auto offered = [&controllers](const std::string& controller) {
        return std::ranges::find(controllers, controller) != controllers.end();
    };
    zone::Resources held = resources;
    if (!held.processes) {
        held.processes = defaultProcesses;
    }
    std::set<std::string> keys;
    for (const LimitFile& limit : limitFiles(held, [](const std::string&) { return std::string(); })) {
        if (offered(limit.controller)) {
            keys.insert(limit.key.substr(0, limit.key.find('[')));
        }
    }
    std::vector<std::pair<std::string, std::string>> limits;
    for (const auto& entry : store::resourcesNode(held).entries) {
        if (keys.contains(entry.key)) {
            limits.emplace_back(entry.key, store::yaml::writeFlow(entry.value));
        }
    }
    return limits;
}

DiskNumber diskNumbers(const Host& host) {
    return [storage = host.paths.zones](const std::string& device) {
        return device == "disk" ? sys::diskNumberUnder(storage) : sys::diskNumber(device);
    };
}

zone::HostResources hostResources(const Host& host) {
    zone::HostResources found;
    std::string online = sys::readFile("/sys/devices/system/cpu/online").value_or("");
    while (!online.empty() && online.back() == '\n') {
        online.pop_back();
    }
    found.cpus = zone::parseCpuSet(online).value_or(zone::CpuSet{});
    found.deviceProblem = [numbers = diskNumbers(host)](const std::string& device) {
        try {
            (void)numbers(device);
            return std::string();
        } catch (const sys::Error& error) {
            return std::string(error.what());
        }
    };
    return found;
}

} // namespace zoned::daemon
