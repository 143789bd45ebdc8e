// Removes trees: the roots of deleted zones and images, and what interrupted work left.
#pragma once

#include <string>
#include <vector>

#include "report.hpp"

namespace zoned::worker {

/// Removes each folder with all that is in it. Throws Failure or sys::Error; what could go is gone then.
void removeTrees(const std::vector<std::string>& folders, Report& report);

} // namespace zoned::worker
