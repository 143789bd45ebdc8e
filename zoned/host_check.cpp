#include "host_check.hpp"

#include <algorithm>

#include "resource_limits.hpp"
#include "sys/cgroup.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/netlink.hpp"

namespace zoned::daemon {
namespace {

void findMounts(const zone::Definition& definition, std::vector<std::string>& missing) {
    for (std::size_t i = 0; i < definition.mounts.size(); ++i) {
        const std::string& source = definition.mounts[i].source;
        if (!sys::exists(source)) {
            missing.push_back(sys::join("mounts[", i, "].source: there is no ", source, " on this host now"));
        }
    }
}

void findBridges(const zone::Definition& definition, std::vector<std::string>& missing) {
    for (std::size_t i = 0; i < definition.network.size(); ++i) {
        const auto& bridge = definition.network[i].bridge;
        if (bridge && !sys::Netlink().linkIndex(*bridge)) {
            missing.push_back(sys::join("network[", i, "].bridge: there is no bridge ", *bridge, " on this host now"));
        }
    }
}

void findControllers(const Host& host, const zone::Definition& definition, std::vector<std::string>& missing) {
    const std::vector<std::string> offered = sys::availableControllers(host.cgroupRoot);
    const auto anyDisk = [](const std::string&) { return std::string(); };
    for (const LimitFile& limit : limitFiles(definition.resources, anyDisk)) {
        if (std::ranges::find(offered, limit.controller) == offered.end()) {
            missing.push_back(sys::join("resources.", limit.key, ": this host does not offer the cgroup controller ",
                                        limit.controller));
        }
    }
}

} // namespace

std::vector<std::string> missingOnHost(const Host& host, const zone::Definition& definition) {
    std::vector<std::string> missing;
    findMounts(definition, missing);
    findBridges(definition, missing);
    findControllers(host, definition, missing);
    return missing;
}

} // namespace zoned::daemon
