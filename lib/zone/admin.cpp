#include "zone/admin.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace zoned::zone {

namespace {

constexpr std::array<std::string_view, 4> names{"login", "exec", "console", "manage"};

} // namespace

std::string_view rightName(Right right) noexcept {
    return names[static_cast<std::size_t>(right)];
}

std::optional<Right> parseRight(std::string_view text) noexcept {
    const auto* const found = std::ranges::find(names, text);
    return found == names.end() ? std::nullopt : std::optional(static_cast<Right>(found - names.begin()));
}

std::vector<std::string> rightNames() {
    return {names.begin(), names.end()};
}

std::optional<unsigned int> accountNumber(const std::string& text) noexcept {
    unsigned int number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, fault] = std::from_chars(text.data(), end, number);
    // the largest number stands for "none" in the kernel: chown(2)
    if (fault != std::errc{} || rest != end || number == std::numeric_limits<unsigned int>::max()) {
        return std::nullopt;
    }
    return number;
}

} // namespace zoned::zone
