#include "groups.hpp"

#include <cmath>

#include "platform/limits.hpp"
#include "sys/cgroup.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "zone/fault.hpp"

namespace zoned::daemon {
namespace {

/// Writes the file where it has another content; "" removes it. Returns true where something changed.
bool settleFile(const std::string& path, const std::string& content) {
    const auto now = sys::readFile(path);
    if (now.value_or("") == content) {
        return false;
    }
    if (content.empty()) {
        return sys::removeFile(path);
    }
    sys::replaceVolatileFile(path, content, 0644);
    return true;
}

} // namespace

std::string groupSlice(const std::string& group) {
    return "zones-" + group + ".slice";
}

std::string groupUnit(const std::string& group, const zone::Resources& resources, const std::string& storage) {
    std::string text = "# Made by zoned from groups." + group +
                       " of /etc/zoned/zoned.yaml.\n"
                       "[Unit]\nDescription=Zones of the group " +
                       group + "\nDocumentation=man:zoned.yaml(5)\nStopWhenUnneeded=yes\n\n[Slice]\n";
    const auto add = [&text](const char* key, const auto& value) {
        if (value) {
            text += sys::join(key, "=", *value, "\n");
        }
    };
    if (resources.cpus) {
        text += sys::join("CPUQuota=", std::llround(*resources.cpus * 100), "%\n");
    }
    add("CPUWeight", resources.cpuWeight);
    if (resources.cpuSet) {
        text += "AllowedCPUs=" + resources.cpuSet->str() + "\n";
    }
    add("MemoryMax", resources.memory);
    add("MemoryHigh", resources.memoryHigh);
    add("MemorySwapMax", resources.swap);
    add("TasksMax", resources.processes);
    add("IOWeight", resources.ioWeight);
    for (const zone::IoLimit& limit : resources.io) {
        // a file's path stands for the disk under it
        const std::string disk = limit.device == "disk" ? storage : limit.device;
        const auto addRate = [&](const char* key, const std::optional<std::uint64_t>& rate) {
            if (rate) {
                text += sys::join(key, "=", disk, " ", *rate, "\n");
            }
        };
        addRate("IOReadBandwidthMax", limit.read);
        addRate("IOWriteBandwidthMax", limit.write);
        addRate("IOReadIOPSMax", limit.readIops);
        addRate("IOWriteIOPSMax", limit.writeIops);
    }
    return text;
}

std::vector<LimitFile> groupLimits(const Host& host, const std::string& group, std::vector<std::string>& warnings) {
    const auto found = host.settings.groups.find(group);
    if (found == host.settings.groups.end()) {
        throw zone::Fault(zone::FaultKind::failed, "zoned.yaml has no group named '" + group + "'");
    }
    const std::string owner = "groups." + group + ".";
    for (const zone::Finding& finding : zone::validateResources(found->second, hostResources(host))) {
        throw zone::Fault(zone::FaultKind::failed,
                          host.paths.settings + ": " + owner + finding.key + ": " + finding.text);
    }
    return offeredLimits(found->second, diskNumbers(host), sys::availableControllers(host.cgroupRoot), owner,
                         "zoned.yaml", warnings);
}

void limitGroup(const Host& host, const std::string& slice, const std::string& group) {
    const std::string cgroup = slice + "/" + groupSlice(group);
    if (!sys::exists(cgroup)) {
        return;
    }
    std::vector<std::string> warnings; // told at the boot
    std::vector<platform::Limit> limits;
    try {
        for (const LimitFile& limit : groupLimits(host, group, warnings)) {
            limits.push_back({limit.file, limit.value});
        }
    } catch (const zone::Fault& fault) {
        throw sys::Error(fault.what(), 0);
    }
    platform::setLimitsOf(cgroup, limits);
}

std::string plannedCgroup(const std::string& slice, const std::string& leaf, const std::string& group) {
    return slice + "/" + (group.empty() ? "" : groupSlice(group) + "/") + leaf;
}

std::string zoneCgroup(const std::string& slice, const std::string& leaf, const std::string& group) {
    // The zone's definition may name another group than the one it was booted in: the kernel knows.
    const std::string planned = plannedCgroup(slice, leaf, group);
    if (sys::exists(planned)) {
        return planned;
    }
    std::vector<std::string> places{slice};
    for (const std::string& entry : sys::listDirectory(slice)) {
        if (entry.starts_with("zones-") && entry.ends_with(".slice")) {
            places.push_back(slice + "/" + entry);
        }
    }
    for (const std::string& place : places) {
        if (sys::exists(place + "/" + leaf)) {
            return place + "/" + leaf;
        }
    }
    return planned;
}

bool GroupUnits::place(const zone::ZoneName& zone, const std::string& group, const zone::Resources& own) {
    const std::string dropIns = folder_ + "/zone@" + zone.str() + ".service.d";
    const auto found = host_.settings.groups.find(group);
    std::string lines;
    bool changed = false;
    if (!group.empty() && found != host_.settings.groups.end()) {
        changed = settleFile(folder_ + "/" + groupSlice(group), groupUnit(group, found->second, host_.paths.zones));
        lines += "Slice=" + groupSlice(group) + "\n";
    }
    // the supervisor writes them too; but systemd, when it reads its units again, writes what they say
    if (own.cpuWeight) {
        lines += sys::join("CPUWeight=", *own.cpuWeight, "\n");
    }
    if (own.ioWeight) {
        lines += sys::join("IOWeight=", *own.ioWeight, "\n");
    }
    if (!lines.empty()) {
        sys::makeDirectories(dropIns, 0755);
        return settleFile(dropIns + "/zoned.conf", "[Service]\n" + lines) || changed;
    }
    changed = sys::exists(dropIns) && settleFile(dropIns + "/zoned.conf", "");
    if (changed && sys::listDirectory(dropIns).empty()) {
        sys::removeTree(dropIns);
    }
    return changed;
}

} // namespace zoned::daemon
