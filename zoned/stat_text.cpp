#include "stat_text.hpp"

#include <algorithm>
#include <charconv>

#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::daemon {

std::string_view takeWord(std::string_view& line) {
    constexpr std::string_view space = " \t\n";
    line.remove_prefix(std::min(line.find_first_not_of(space), line.size()));
    const std::string_view word = line.substr(0, line.find_first_of(space));
    line.remove_prefix(word.size());
    return word;
}

std::optional<std::uint64_t> numberOf(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::optional<std::string> statText(const std::string& path) {
    try {
        return sys::readFile(path);
    } catch (const sys::Error&) {
        return std::nullopt;
    }
}

} // namespace zoned::daemon
