// What a valid definition asks of this host and does not find at the moment. Not wrong, since it only has to be there
// at the boot; but whoever verifies a definition wants to know.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "host.hpp"
#include "lookups.hpp"
#include "zone/definition.hpp"

namespace zoned::daemon {

/// One sentence for each bridge and cgroup controller that is missing; "network[0].bridge: …".
[[nodiscard]] std::vector<std::string> missingOnHost(const Host& host, const zone::Definition& definition);

/// The file or folder that a mount shows. Looking for it may take for ever: Lookups does.
struct MountSource {
    std::string key; // "mounts[0].source"
    std::string path;
};
[[nodiscard]] std::vector<MountSource> mountSources(const zone::Definition& definition);
/// Looks for them, and calls back with a sentence for each that is missing, or cannot be looked at now.
void findMissing(Lookups& lookups, const std::vector<MountSource>& sources,
                 const std::function<void(const std::vector<std::string>&)>& then);

} // namespace zoned::daemon
