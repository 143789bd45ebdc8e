// Reading the kernel's small text files: words, numbers, lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zoned::daemon {

/// The next word of `line`, which is shortened by it; empty at its end.
[[nodiscard]] std::string_view takeWord(std::string_view& line);
/// The whole text as a number.
[[nodiscard]] std::optional<std::uint64_t> numberOf(std::string_view text);
/// The text of a file below /proc, /sys or a cgroup; nothing where it is not there or does not want to be read (a
/// cgroup that was removed meanwhile, pressure that the kernel was told not to measure).
[[nodiscard]] std::optional<std::string> statText(const std::string& path);

template <typename Each>
void forEachLine(std::string_view text, Each&& each) {
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        each(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
}

} // namespace zoned::daemon
