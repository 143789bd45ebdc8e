// The border at which exceptions become D-Bus errors.
#pragma once

#include <exception>
#include <string_view>
#include <utility>

#include "api/bus_compat.hpp"

namespace zoned::daemon {

/// The D-Bus error for an exception that a request raised; logs it.
/// @param request what was asked for: "Boot of zone web"
[[nodiscard]] sdbus::Error errorReply(const std::exception_ptr& exception, const std::string& request);

/// Runs a handler's body; what it throws leaves as a D-Bus error.
template <typename Body>
auto answer(const std::string& request, Body&& body) -> decltype(body()) {
    try {
        return std::forward<Body>(body)();
    } catch (...) {
        throw errorReply(std::current_exception(), request);
    }
}

} // namespace zoned::daemon
