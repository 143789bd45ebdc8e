#include "host_check.hpp"

#include <algorithm>
#include <iterator>

#include "boot_spec_builder.hpp"
#include "resource_limits.hpp"
#include "sys/cgroup.hpp"
#include "sys/error.hpp"
#include "sys/netlink.hpp"
#include "zone/mount_target.hpp"

namespace zoned::daemon {
namespace {

/// By name only, for who writes the definition; what really lies there is looked at when the zone boots.
void findPowerfulMounts(const Host& host, const zone::Definition& definition, std::vector<std::string>& found) {
    for (std::size_t i = 0; i < definition.mounts.size(); ++i) {
        const std::string& source = definition.mounts[i].source;
        const auto overlaps = [&source](std::string_view folder) {
            return zone::isWithin(source, folder) || zone::isWithin(folder, source);
        };
        const std::vector<std::string> own = host.paths.ownFolders();
        const auto folder = std::ranges::find_if(own, overlaps);
        if (folder != own.end()) {
            found.push_back(sys::join("mounts[", i, "].source: a boot will be refused, since ", source,
                                      " is, holds or lies in the zone manager's ", *folder));
        } else if (overlaps("/run") || overlaps("/var/run")) {
            found.push_back(sys::join("mounts[", i, "].source: ", source,
                                      " holds, or may hold, sockets of the host's services, which the zone can connect "
                                      "to, also where the mount is read-only; whoever listens there decides what the "
                                      "zone's root may do on the host"));
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
    findPowerfulMounts(host, definition, missing);
    findBridges(definition, missing);
    findControllers(host, definition, missing);
    if (lacksNameservers(definition, hostNameservers())) {
        missing.emplace_back(noNameservers);
    }
    return missing;
}

std::vector<MountSource> mountSources(const zone::Definition& definition) {
    std::vector<MountSource> sources;
    for (std::size_t i = 0; i < definition.mounts.size(); ++i) {
        sources.push_back({sys::join("mounts[", i, "].source"), definition.mounts[i].source});
    }
    return sources;
}

void findMissing(Lookups& lookups, const std::vector<MountSource>& sources,
                 const std::function<void(const std::vector<std::string>&)>& then) {
    std::vector<std::string> paths;
    std::ranges::transform(sources, std::back_inserter(paths), &MountSource::path);
    lookups.paths(paths, [sources, then](const Lookups::Found& found) {
        std::vector<std::string> missing;
        for (const MountSource& source : sources) {
            if (!found) {
                missing.push_back(source.key + ": whether there is " + source.path +
                                  " on this host cannot be seen now: a file system does not answer");
            } else if (!found->contains(source.path)) {
                missing.push_back(source.key + ": there is no " + source.path + " on this host now");
            }
        }
        then(missing);
    });
}

} // namespace zoned::daemon
