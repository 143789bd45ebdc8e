// What a valid definition asks of this host and does not find at the moment. Not wrong, since it only has to be there
// at the boot; but whoever verifies a definition wants to know.
#pragma once

#include <string>
#include <vector>

#include "host.hpp"
#include "zone/definition.hpp"

namespace zoned::daemon {

/// One sentence for each mount source, bridge and cgroup controller that is missing; "mounts[0].source: …".
[[nodiscard]] std::vector<std::string> missingOnHost(const Host& host, const zone::Definition& definition);

} // namespace zoned::daemon
