#include "zone/diff.hpp"

#include <array>

namespace zoned::zone {

namespace {

struct Compared {
    std::string_view key;
    bool (*same)(const Definition& before, const Definition& after);
};

template <auto member>
bool same(const Definition& before, const Definition& after) {
    return before.*member == after.*member;
}

template <auto member>
bool sameLimit(const Definition& before, const Definition& after) {
    return before.resources.*member == after.resources.*member;
}

constexpr std::array compared{
    Compared{"zone", same<&Definition::zone>},
    Compared{"description", same<&Definition::description>},
    Compared{"image", same<&Definition::image>},
    Compared{"autoboot", same<&Definition::autoboot>},
    Compared{"boot-priority", same<&Definition::bootPriority>},
    Compared{"after", same<&Definition::after>},
    Compared{"requires", same<&Definition::needs>},
    Compared{"host-requires", same<&Definition::hostRequires>},
    Compared{"boot-retries", same<&Definition::bootRetries>},
    Compared{"host-shutdown", same<&Definition::hostShutdown>},
    Compared{"restart", same<&Definition::restart>},
    Compared{"init", same<&Definition::init>},
    Compared{"hostname", same<&Definition::hostname>},
    Compared{"network", same<&Definition::network>},
    Compared{"dns", same<&Definition::dns>},
    Compared{"group", same<&Definition::group>},
    Compared{"resources.cpus", sameLimit<&Resources::cpus>},
    Compared{"resources.cpu-weight", sameLimit<&Resources::cpuWeight>},
    Compared{"resources.cpu-set", sameLimit<&Resources::cpuSet>},
    Compared{"resources.memory", sameLimit<&Resources::memory>},
    Compared{"resources.memory-high", sameLimit<&Resources::memoryHigh>},
    Compared{"resources.swap", sameLimit<&Resources::swap>},
    Compared{"resources.processes", sameLimit<&Resources::processes>},
    Compared{"resources.io-weight", sameLimit<&Resources::ioWeight>},
    Compared{"resources.io", sameLimit<&Resources::io>},
    Compared{"resources.optional", sameLimit<&Resources::optional>},
    Compared{"mounts", same<&Definition::mounts>},
    Compared{"environment", same<&Definition::environment>},
    Compared{"stop-timeout", same<&Definition::stopTimeout>},
    Compared{"privileged", same<&Definition::privileged>},
    Compared{"admins", same<&Definition::admins>},
};

} // namespace

std::vector<Change> diff(const Definition& before, const Definition& after) {
    std::vector<Change> changes;
    for (const Compared& each : compared) {
        const Key* key = findKey(each.key);
        if (key != nullptr && !each.same(before, after)) {
            changes.push_back({std::string(each.key), key->effect});
        }
    }
    return changes;
}

std::vector<std::string_view> diffKeys() {
    std::vector<std::string_view> keys;
    for (const Compared& each : compared) {
        keys.push_back(each.key);
    }
    return keys;
}

} // namespace zoned::zone
