// The service's log: lines on stderr, for the journal or for people.
#pragma once

#include <string>

namespace zoned::daemon {

/// @param level trace, debug, info, warn or error
void setUpLog(const std::string& level);

} // namespace zoned::daemon
