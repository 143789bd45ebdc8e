// The service manager that started us as a unit, if one did.
#pragma once

#include <string>

namespace zoned::supervisor {

/// sd_notify(3), without the library: "READY=1", "STATUS=…". Does nothing where nobody listens.
void tellServiceManager(const std::string& state);

} // namespace zoned::supervisor
