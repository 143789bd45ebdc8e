// The D-Bus names of our errors: FaultKind::noSuchZone is
// "org.zoned1.Error.NoSuchZone", on both sides of the bus.
#pragma once

#include <optional>
#include <string_view>

#include "zone/fault.hpp"

namespace zoned::api {

/// "org.zoned1.Error.NoSuchZone"; valid for the life of the program, NUL-terminated.
[[nodiscard]] std::string_view errorName(zone::FaultKind kind) noexcept;
/// The kind that a D-Bus error name stands for; nothing for a foreign one.
[[nodiscard]] std::optional<zone::FaultKind> faultKind(std::string_view errorName) noexcept;

} // namespace zoned::api
