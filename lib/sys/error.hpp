// What can go wrong, and the error type of everything that talks to the kernel.
//
// An Error says what was being done and to which object, and keeps errno, so
// that a fault reads "mounting /proc of the zone: Permission denied" wherever
// it surfaces, also after it has crossed a process border (see channel.hpp).
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <string_view>

namespace zoned::sys {

/// The root of what is thrown with a sentence for people: Error, and the expected outcomes (zone::Fault). Anything else
/// that is thrown is a fault of the program.
class Failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class Error : public Failure {
public:
    /// @param action what was being done, to which object: "opening /dev/null"
    /// @param code   an errno value; 0 where the kernel gave none
    Error(std::string action, int code);

    [[nodiscard]] int code() const noexcept { return code_; }
    [[nodiscard]] const std::string& action() const noexcept { return action_; }

private:
    std::string action_;
    int code_;
};

namespace detail {
inline void append(std::string& text, std::string_view part) {
    text += part;
}
inline void append(std::string& text, const char* part) {
    text += part;
}
inline void append(std::string& text, const std::string& part) {
    text += part;
}
template <typename Number>
requires std::is_arithmetic_v<Number>
void append(std::string& text, Number part) {
    text += std::to_string(part);
}
} // namespace detail

/// Joins words and numbers into one text; nothing is put between them.
template <typename... Parts>
[[nodiscard]] std::string join(const Parts&... parts) {
    std::string text;
    (detail::append(text, parts), ...);
    return text;
}

/// Throws Error with the present errno.
template <typename... Parts>
[[noreturn]] void throwErrno(const Parts&... action) {
    const int code = errno;
    throw Error(join(action...), code);
}

/// Returns `result` of a system call, or throws Error where it is negative.
/// The action's text is only put together when the call failed.
template <typename Result, typename... Parts>
Result check(Result result, const Parts&... action) {
    if (result < 0) {
        throwErrno(action...);
    }
    return result;
}

} // namespace zoned::sys
