#include "zone/public_text.hpp"

#include <algorithm>
#include <array>

namespace zoned::zone {

namespace {

/// '#' stands for a number, '@' for the name of a zone or image, '%' for the kernel's words for a signal.
constexpr std::array sentences{
    std::string_view("halted"),
    std::string_view("shut down"),
    std::string_view("powered off from inside"),
    std::string_view("rebooting"),
    std::string_view("its init exited with status #"),
    std::string_view("its init was killed by signal # (%)"),
    std::string_view("its init was killed by signal # (%), as the zone had no memory left"),
    std::string_view("its init did not shut down within # s; it was killed"),
    std::string_view("its init does not end, though killed; it probably waits for a device or a network file system"),
    std::string_view("its supervisor died; the zone was stopped and cleaned up"),
    std::string_view("its supervisor died (exited with status #); the zone was stopped and cleaned up"),
    std::string_view("its supervisor died (was killed by signal # (%)); the zone was stopped and cleaned up"),
    std::string_view("the host went down while it ran"),
    std::string_view("an install or uninstall was interrupted; uninstall it, then install it again"),
    std::string_view("its image '@' is missing"),
    std::string_view("its image '@' is not the one it was installed on"),
    std::string_view("it was restarted # times within # s, and ended again"),
    std::string_view("it was not ready after # s and was halted"),
    std::string_view("it and the zones that it waits for wait for each other"),
    std::string_view("zone @, which it requires, was not booted"),
};

/// What one thing is made of that a letter of the sentences stands for.
bool belongs(char placeholder, char c) {
    const bool digit = c >= '0' && c <= '9';
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    switch (placeholder) {
    case '#':
        return digit;
    case '@':
        return digit || letter || c == '-' || c == '_' || c == '.';
    default:
        return digit || letter || std::string_view(" -/()").find(c) != std::string_view::npos; // "Stopped (tty input)"
    }
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as a sentence has placeholders
bool matches(std::string_view text, std::string_view sentence) {
    const std::size_t plain = std::min(sentence.find_first_of("#@%"), sentence.size());
    if (text.substr(0, plain) != sentence.substr(0, plain)) {
        return false;
    }
    text.remove_prefix(plain);
    sentence.remove_prefix(plain);
    if (sentence.empty()) {
        return text.empty();
    }
    const auto end = std::ranges::find_if_not(text, [&](char c) { return belongs(sentence[0], c); });
    for (auto length = static_cast<std::size_t>(end - text.begin()); length > 0; --length) {
        if (matches(text.substr(length), sentence.substr(1))) {
            return true;
        }
    }
    return false;
}

bool isPublic(std::string_view text) {
    return std::ranges::any_of(sentences, [&](std::string_view sentence) { return matches(text, sentence); });
}

} // namespace

std::string publicReason(std::string_view reason) {
    if (reason.empty() || isPublic(reason)) {
        return std::string(reason);
    }
    // "it was restarted 5 times within 600 s, and ended again: its init exited with status 1": each part by itself
    const std::size_t colon = reason.find(": ");
    if (colon != std::string_view::npos && isPublic(reason.substr(0, colon))) {
        return std::string(reason.substr(0, colon + 2)) + publicReason(reason.substr(colon + 2));
    }
    return std::string(undisclosed);
}

} // namespace zoned::zone
