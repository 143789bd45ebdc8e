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

/// All that a limit may need, whether the definition has it now or not: it may be given to a running zone.
const std::vector<std::string>& controllers() {
    static const std::vector<std::string> all{"cpu", "cpuset", "io", "memory", "pids"};
    return all;
}

/// Two limits that are one and the same to the kernel: io.max has one for each device.
bool isSame(const Limit& one, const Limit& other) {
    const auto device = [](const Limit& limit) { return limit.value.substr(0, limit.value.find(' ')); };
    return one.file == other.file && (one.file != "io.max" || device(one) == device(other));
}

const Limit* find(const std::vector<Limit>& limits, const Limit& wanted) {
    const auto found =
        std::find_if(limits.begin(), limits.end(), [&](const Limit& each) { return isSame(each, wanted); });
    return found == limits.end() ? nullptr : &*found;
}

/// How the kernel is told that there is no such limit.
std::string noLimit(const Limit& limit) {
    if (limit.file == "io.max") {
        return limit.value.substr(0, limit.value.find(' ')) + " rbps=max wbps=max riops=max wiops=max";
    }
    if (limit.file == "cpu.weight") {
        return "100";
    }
    if (limit.file == "io.weight") {
        return "default 100";
    }
    return limit.file == "cpuset.cpus" ? "" : "max";
}

/// A cpuset that holds processes cannot be made empty again, which would mean no limit (ENOSPC; validate_change in
/// kernel/cgroup/cpuset.c): it gets every processor that the host could ever have.
std::string everyCpu() {
    return sys::readFile("/sys/devices/system/cpu/possible").value_or("\n");
}

/// A weight is a share among siblings: the zone's whole cgroup stands beside those of other zones, while the payload
/// stands beside our supervisor alone.
bool isWeight(const std::string& file) {
    return file == "cpu.weight" || file == "io.weight";
}

void writeTo(const std::string& cgroup, const Limit& limit) {
    sys::writeKernelFile(cgroup + "/" + limit.file, limit.value.empty() ? everyCpu() : limit.value);
}

void write(const std::string& zoneCgroup, const Limit& limit) {
    writeTo(isWeight(limit.file) ? zoneCgroup : payloadCgroup(zoneCgroup), limit);
}

/// The zone's cgroup may be that of an earlier boot, which had other weights.
void forgetWeights(const std::string& zoneCgroup) {
    for (const char* file : {"cpu.weight", "io.weight"}) {
        if (const Limit limit{file, ""}; sys::exists(zoneCgroup + "/" + file)) {
            sys::writeKernelFile(zoneCgroup + "/" + file, noLimit(limit));
        }
    }
}

void makePayload(Bringup& bringup) {
    const BootSpec& spec = bringup.zone.spec;
    const std::string payload = payloadCgroup(bringup.zone.cgroup);
    sys::removeCgroupTree(payload); // an earlier boot's, if its zone could not be taken down
    sys::enableControllers(bringup.zone.cgroup, controllers());
    sys::makeCgroup(payload);
    forgetWeights(bringup.zone.cgroup);
    for (const Limit& limit : spec.limits) {
        write(bringup.zone.cgroup, limit);
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

std::vector<Limit> limitWrites(const std::vector<Limit>& from, const std::vector<Limit>& to) {
    std::vector<Limit> writes;
    for (const Limit& limit : from) {
        if (find(to, limit) == nullptr) {
            writes.push_back({limit.file, noLimit(limit)});
        }
    }
    for (const Limit& limit : to) {
        const Limit* before = find(from, limit);
        if (before == nullptr || before->value != limit.value) {
            writes.push_back(limit);
        }
    }
    return writes;
}

void changeLimits(const std::string& zoneCgroup, const std::vector<Limit>& from, const std::vector<Limit>& to) {
    sys::enableControllers(zoneCgroup, controllers()); // a zone that an earlier version booted may lack some
    try {
        for (const Limit& limit : limitWrites(from, to)) {
            write(zoneCgroup, limit);
        }
    } catch (const sys::Error&) {
        for (const Limit& limit : limitWrites(to, from)) {
            try {
                write(zoneCgroup, limit);
            } catch (const sys::Error&) {
                // the one that was refused: it is as it was
            }
        }
        throw;
    }
}

void setLimitsOf(const std::string& cgroup, const std::vector<Limit>& limits) {
    std::vector<Limit> anything;
    for (const char* file : {"cpu.max", "cpu.weight", "cpuset.cpus", "memory.max", "memory.high", "memory.swap.max",
                             "pids.max", "io.weight"}) {
        if (sys::exists(cgroup + "/" + file)) {
            anything.push_back({file, ""});
        }
    }
    for (const Limit& limit : limitWrites(anything, limits)) {
        writeTo(cgroup, limit);
    }
}

std::string payloadCgroup(const std::string& zoneCgroup) {
    return zoneCgroup + "/payload";
}

std::string supervisorCgroup(const std::string& zoneCgroup) {
    return zoneCgroup + "/supervisor";
}

Step limitsStep(const BootSpec& spec) {
    std::string purpose = "make the zone's cgroup";
    for (const Limit& limit : spec.limits) {
        purpose += ", " + limit.file + " = " + limit.value;
    }
    return {"cgroup", purpose, makePayload, removePayload};
}

} // namespace zoned::platform
