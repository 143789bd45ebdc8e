// A zone's own administrators: users and groups of the host who may do to this
// one zone what its definition lists, and nothing else.
//
// There is deliberately no right to change the definition: with `privileged`,
// `mounts` and `admins` in it, that would be a right to everything.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zoned::zone {

enum class Right {
    login,   // a login shell in the zone
    exec,    // a program in the zone
    console, // the zone's console
    manage   // boot, ready, shutdown, halt and reboot
};

/// "login", …
[[nodiscard]] std::string_view rightName(Right right) noexcept;
[[nodiscard]] std::optional<Right> parseRight(std::string_view text) noexcept;
/// All names, in order.
[[nodiscard]] std::vector<std::string> rightNames();

struct Admin {
    std::string user;  // a name or a number of the host; "" where it is a group
    std::string group; // likewise
    std::vector<Right> may;
    bool operator==(const Admin&) const = default;
};

/// A number where the text is one: a user or group may be written as either.
[[nodiscard]] std::optional<unsigned int> accountNumber(const std::string& text) noexcept;

} // namespace zoned::zone
