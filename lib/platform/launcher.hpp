// The supervisor's half of making the zone's first process and turning it into
// init; zone_init.hpp is the other half, handshake.hpp the conversation.
#pragma once

#include "platform/step.hpp"

namespace zoned::platform {

/// The process, in all its namespaces, with its ids mapped; it waits.
[[nodiscard]] Step processStep(const BootSpec& spec);
/// Gives it everything that was prepared; from now on it works beside us.
[[nodiscard]] Step handOverStep();
/// Waits until it has put the zone together: the zone is ready.
[[nodiscard]] Step assembledStep();
/// Lets it become init: the zone is running.
[[nodiscard]] Step initStepOf(const BootSpec& spec);

} // namespace zoned::platform
