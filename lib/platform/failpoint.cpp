#include "platform/failpoint.hpp"

#include <unistd.h>

#include <csignal>
#include <sstream>

#include "config.h"
#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::platform {

void passFailpoint(const std::string& runZone, const std::string& step, Moment moment) {
    if constexpr (ZONED_FAILPOINTS == 0) {
        return;
    }
    std::istringstream words(sys::readFile(runZone + "/../../failpoint").value_or(""));
    std::string wantedStep;
    std::string wantedMoment;
    std::string action;
    words >> wantedStep >> wantedMoment >> action;
    if (wantedStep != step || wantedMoment != (moment == Moment::before ? "before" : "after")) {
        return;
    }
    if (action == "fail") {
        throw sys::Error("passing the failpoint " + wantedMoment + " step " + step, EIO);
    }
    ::kill(::getpid(), action == "kill" ? SIGKILL : SIGSTOP);
}

} // namespace zoned::platform
