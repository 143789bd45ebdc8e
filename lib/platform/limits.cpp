#include "platform/limits.hpp"

#include <fcntl.h>

#include <algorithm>
#include <chrono>

#include "platform/bringup.hpp"
#include "sys/cgroup.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::platform {

namespace {

/// How long killed processes may take to be gone before the zone is called "down".
constexpr std::chrono::seconds patience{10};

/// Bounds on the tree that the zone makes below: ours are the walks over it.
constexpr const char* deepestCgroup = "64";
constexpr const char* mostCgroups = "8192";

std::vector<std::string> controllersOf(const BootSpec& spec) {
    // also without a limit: what a zone uses is counted by the controllers only (zonectl stat)
    std::vector<std::string> names{"cpu", "io", "memory", "pids"};
    for (const Limit& limit : spec.limits) {
        const std::string name = limit.file.substr(0, limit.file.find('.'));
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            names.push_back(name);
        }
    }
    return names;
}

void makePayload(Bringup& bringup) {
    const BootSpec& spec = bringup.zone.spec;
    const std::string payload = payloadCgroup(bringup.zone.cgroup);
    sys::removeCgroupTree(payload); // an earlier boot's, if its zone could not be taken down
    sys::enableControllers(bringup.zone.cgroup, controllersOf(spec));
    sys::makeCgroup(payload);
    for (const Limit& limit : spec.limits) {
        sys::writeKernelFile(payload + "/" + limit.file, limit.value);
    }
    sys::writeKernelFile(payload + "/cgroup.max.depth", deepestCgroup);
    sys::writeKernelFile(payload + "/cgroup.max.descendants", mostCgroups);
    sys::delegateCgroup(payload, spec.idBase, spec.idBase);
    bringup.payload = sys::openDirectory(payload);
}

void removePayload(const Remains& zone) {
    const std::string payload = payloadCgroup(zone.cgroup);
    sys::killCgroup(payload);
    if (!sys::waitUntilEmpty(payload, patience)) {
        throw sys::Error("stopping the processes of zone " + zone.spec.zone + ": some do not end, though killed (see " +
                             payload + "/cgroup.procs); they probably wait for a device or a network file system",
                         0);
    }
    sys::removeCgroupTree(payload);
}

} // namespace

std::string payloadCgroup(const std::string& zoneCgroup) {
    return zoneCgroup + "/payload";
}

Step limitsStep(const BootSpec& spec) {
    std::string purpose = "make the zone's cgroup";
    for (const Limit& limit : spec.limits) {
        purpose += ", " + limit.file + " = " + limit.value;
    }
    return {"cgroup", purpose, makePayload, removePayload};
}

} // namespace zoned::platform
