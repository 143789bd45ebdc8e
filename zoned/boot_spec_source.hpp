// The boot spec of a zone as things stand now: gathers the facts for the builder.
#pragma once

#include <string>
#include <vector>

#include "boot_spec_builder.hpp"
#include "host.hpp"
#include "network.hpp"
#include "registry.hpp"
#include "zone.hpp"

namespace zoned::daemon {

/// Resolves the zone's present definition. Addresses that are missing are assigned and kept, and the networks are made;
/// warnings are logged. Throws Fault invalidDefinition, limitUnavailable or failed, and sys::Error.
/// @param network nothing: only for show, and nothing is changed
[[nodiscard]] BuiltSpec resolveBootSpec(const Host& host, Registry& registry, Zone& zone,
                                        const std::vector<std::string>& initArgs, Network* network);

} // namespace zoned::daemon
