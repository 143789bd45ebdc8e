// How much a message holds, which sd-bus tells nobody.
#pragma once

#include <systemd/sd-bus.h>

#include <cstddef>

namespace zoned::daemon {

/// The bytes of a message's arguments, roughly: texts and arrays of numbers as they are, anything else with eight. They
/// are gone through where they lie, and only until more than `limit` were counted. The message is as it was afterwards.
[[nodiscard]] std::size_t sizeOf(sd_bus_message* message, std::size_t limit);

} // namespace zoned::daemon
