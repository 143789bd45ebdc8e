// For the fault tests: a file RUN/failpoint with one line
//     STEP before|after fail|kill|stop
// makes the supervisor, at that step of a bring-up, throw, be killed, or stop
// itself until it is continued. Only builds with -Dfailpoints=true look for it.
#pragma once

#include <string>

namespace zoned::platform {

enum class Moment { before, after };

/// Acts on the failpoint for this step and moment, if one is set; `runZone` is RUN/zones/NAME.
void passFailpoint(const std::string& runZone, const std::string& step, Moment moment);

} // namespace zoned::platform
