// An answer on the bus that is given later, once, by whoever is done with the request.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "error_reply.hpp"
#include "zone/fault.hpp"

namespace zoned::daemon {

template <typename... Values>
class Pending {
public:
    /// @param ticket what counts the call as one that is under way
    Pending(sdbus::Result<Values...>&& result, std::string request, std::shared_ptr<const void> ticket)
        : result_(std::make_shared<sdbus::Result<Values...>>(std::move(result))), request_(std::move(request)),
          ticket_(std::move(ticket)) {}

    void reply(const Values&... values) const { result_->returnResults(values...); }
    void refuse(const std::exception_ptr& exception) const { result_->returnError(errorReply(exception, request_)); }
    void refuse(const zone::Fault& fault) const { refuse(std::make_exception_ptr(fault)); }

    /// Runs a handler's body; what it throws is the answer.
    template <typename Body>
    void attempt(Body&& body) const {
        try {
            std::forward<Body>(body)();
        } catch (...) {
            refuse(std::current_exception());
        }
    }

    /// Runs a handler's body, and answers with what it returns: nothing, a value, or a tuple of several.
    template <typename Body>
    void fulfil(Body&& body) const {
        attempt([&] {
            if constexpr (sizeof...(Values) == 0) {
                std::forward<Body>(body)();
                reply();
            } else if constexpr (sizeof...(Values) == 1) {
                reply(std::forward<Body>(body)());
            } else {
                std::apply([this](const Values&... values) { reply(values...); }, std::forward<Body>(body)());
            }
        });
    }

private:
    std::shared_ptr<sdbus::Result<Values...>> result_;
    std::string request_; // "Boot of zone web"
    std::shared_ptr<const void> ticket_;
};

} // namespace zoned::daemon
