// The border of the service: an exception that nobody was to catch ends here. It is logged once, with what was being
// done; it fails that, and never the service.
//
// The loop has the border around every handler (main.cpp gives it tellFault). Nearer ones stand where a job or a caller
// waits for the handler's work, so that it is told (Supervisor, Lifecycle, Installer, ImageJobs, Statistics), and around
// each of several things that are done one after the other and do not depend on each other: attempt().
#pragma once

#include <exception>
#include <type_traits>
#include <utility>

namespace zoned::daemon {

/// Logs what has reached the border: "zone web: taking what its supervisor says: writing …: No space left on device".
void tellFault(const std::exception& error) noexcept;

/// Runs something whose failure is to harm nothing else; false where it failed, and was logged.
/// @param doing "telling of a job's end"
template <typename Body>
bool attempt(const char* doing, Body&& body) noexcept;

/// While it lives, this is being done, for whoever catches what is thrown: the outermost counts that the exception
/// passed.
class Doing {
public:
    explicit Doing(const char* what) noexcept;
    ~Doing();
    Doing(const Doing&) = delete;
    Doing& operator=(const Doing&) = delete;

private:
    const char* what_;
    int exceptions_;
};

template <typename Body>
bool attempt(const char* doing, Body&& body) noexcept {
    try {
        const Doing work(doing);
        std::forward<Body>(body)();
        return true;
    } catch (const std::exception& error) {
        tellFault(error);
        return false;
    }
}

/// A handler with the border around it, for a library that calls it and would pass on or hide what it throws.
template <typename Handler, typename... Arguments>
class Bordered {
public:
    Bordered(const char* doing, Handler handler) : doing_(doing), handler_(std::move(handler)) {}
    void operator()(Arguments... arguments) const {
        attempt(doing_, [&] { handler_(std::forward<Arguments>(arguments)...); });
    }

private:
    const char* doing_;
    Handler handler_;
};

template <typename Handler, typename Result, typename... Arguments>
Bordered<Handler, Arguments...> borderedAs(const char* doing, Handler handler,
                                           Result (Handler::* /*call*/)(Arguments...) const) {
    return {doing, std::move(handler)};
}

/// @param doing "hearing systemd's answer"
template <typename Handler>
auto bordered(const char* doing, Handler handler) {
    return borderedAs(doing, std::move(handler), &Handler::operator());
}

} // namespace zoned::daemon
