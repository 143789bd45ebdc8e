// THE list of what bringing a zone up takes.
#pragma once

#include <vector>

#include "platform/step.hpp"

namespace zoned::platform {

/// The steps of a boot, in order. The last, "init", is what turns a ready zone into a running one.
/// Depends on the spec alone; acts on nothing.
[[nodiscard]] std::vector<Step> plan(const BootSpec& spec);

/// The name of the last step.
constexpr const char* initStep = "init";

} // namespace zoned::platform
