#include "border.hpp"

#include <string>

#include <spdlog/spdlog.h>

#include "log.hpp"
#include "sys/error.hpp"

namespace zoned::daemon {
namespace {

/// What was being done when the exception that is on its way now was thrown; null where nobody said.
const char*& failedAt() {
    static const char* doing = nullptr; // the service has one thread
    return doing;
}

} // namespace

Doing::Doing(const char* what) noexcept : what_(what), exceptions_(std::uncaught_exceptions()) {
    failedAt() = nullptr;
}

Doing::~Doing() {
    failedAt() = std::uncaught_exceptions() > exceptions_ ? what_ : nullptr;
}

void tellFault(const std::exception& error) noexcept {
    const char* doing = std::exchange(failedAt(), nullptr);
    // what is no Failure was never meant for an administrator
    const bool bug = dynamic_cast<const sys::Failure*>(&error) == nullptr;
    try {
        const std::string zone = LogAbout::failed();
        const LogAbout about(zone);
        spdlog::error("{}{}{}: {}", zone.empty() ? "" : "zone " + zone + ": ",
                      doing == nullptr ? "an event could not be handled" : doing,
                      bug ? ": a fault of this program" : "", error.what());
    } catch (const std::exception&) { // no memory for a line of a log
    }
}

} // namespace zoned::daemon
