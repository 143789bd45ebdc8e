#include "error_reply.hpp"

#include <spdlog/spdlog.h>

#include "api/error_names.hpp"
#include "sys/error.hpp"
#include "zone/fault.hpp"

namespace zoned::daemon {

sdbus::Error errorReply(const std::exception_ptr& exception, const std::string& request) {
    try {
        std::rethrow_exception(exception);
    } catch (const zone::Fault& fault) {
        // An answer to the caller, who is told; to the administrator of the host it is no news.
        spdlog::debug("{}: {}", request, fault.what());
        return api::makeError(api::errorName(fault.kind()), fault.what());
    } catch (const std::exception& error) {
        spdlog::error("{}: {}", request, error.what());
        return api::makeError(api::errorName(zone::FaultKind::failed), error.what());
    }
}

} // namespace zoned::daemon
