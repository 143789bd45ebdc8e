#include "platform/plan.hpp"

#include "platform/devices.hpp"
#include "platform/launcher.hpp"
#include "platform/limits.hpp"
#include "platform/network.hpp"
#include "platform/rootfs.hpp"
#include "platform/volumes.hpp"

namespace zoned::platform {

std::vector<Step> plan(const BootSpec& spec) {
    std::vector<Step> steps;
    steps.push_back(limitsStep(spec));
    for (const zone::Mount& mount : spec.mounts) {
        steps.push_back(volumeStep(spec, mount));
    }
    steps.push_back(processStep(spec));
    steps.push_back(rootStep(spec));
    steps.push_back(devicesStep());
    // from here the zone's first process mounts what it was handed, while the network is made beside it
    steps.push_back(handOverStep());
    for (const NicSpec& nic : spec.nics) {
        steps.push_back(networkStep(spec, nic));
    }
    steps.push_back(assembledStep());
    steps.push_back(initStepOf(spec));
    return steps;
}

} // namespace zoned::platform
