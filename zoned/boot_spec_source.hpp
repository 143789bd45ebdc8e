// The boot spec of a zone as things stand now: gathers the facts for the builder.
#pragma once

#include <string>
#include <vector>

#include "boot_spec_builder.hpp"
#include "host.hpp"
#include "registry.hpp"
#include "zone.hpp"

namespace zoned::daemon {

/// Resolves the zone's present definition. Unless it is only for show, addresses that are missing are assigned and
/// kept, and the networks are made; warnings are logged. Throws Fault invalidDefinition, limitUnavailable or failed, and sys::Error.
[[nodiscard]] BuiltSpec resolveBootSpec(const Host& host, Registry& registry, Zone& zone,
                                        const std::vector<std::string>& initArgs, bool forShow);

} // namespace zoned::daemon
