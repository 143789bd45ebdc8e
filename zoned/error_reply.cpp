#include "error_reply.hpp"

#include <spdlog/spdlog.h>

#include "api/error_names.hpp"
#include "sys/error.hpp"
#include "zone/fault.hpp"
#include "zone/text_rules.hpp"

namespace zoned::daemon {
namespace {

// A hundred problems of a definition; more than that is an echo of what the caller sent.
constexpr std::size_t maxText = 16 * 1024;

std::string bounded(std::string text) {
    return text.size() <= maxText ? std::move(text) : zone::cut(text, maxText);
}

} // namespace

sdbus::Error errorReply(const std::exception_ptr& exception, const std::string& request) {
    try {
        std::rethrow_exception(exception);
    } catch (const zone::Fault& fault) {
        // An answer to the caller, who is told; to the administrator of the host it is no news.
        spdlog::debug("{}: {}", request, fault.what());
        return api::makeError(api::errorName(fault.kind()), bounded(fault.what()));
    } catch (const std::exception& error) {
        spdlog::error("{}: {}", request, error.what());
        return api::makeError(api::errorName(zone::FaultKind::failed), bounded(error.what()));
    }
}

} // namespace zoned::daemon
