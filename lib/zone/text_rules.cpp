#include "zone/text_rules.hpp"

#include <algorithm>
#include <numeric>

namespace zoned::zone {

namespace {

bool isAlphanumeric(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Length of the UTF-8 sequence that starts `text`; 0 where it is malformed, overlong, a surrogate or beyond U+10FFFF.
std::size_t sequenceLength(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) {
        return 1;
    }
    const std::size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                               : first >= 0xE0 && first <= 0xEF ? 3
                               : first >= 0xF0 && first <= 0xF4 ? 4
                                                                : 0;
    if (length == 0 || text.size() < length) {
        return 0;
    }
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) {
            return 0;
        }
    }
    const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
    const bool surrogate = first == 0xED && byte(1) >= 0xA0;
    const bool beyond = first == 0xF4 && byte(1) >= 0x90;
    return overlong || surrogate || beyond ? 0 : length;
}

/// How many characters are wrong, missing, too many or swapped with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> older(b.size() + 1);
    std::vector<std::size_t> old(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::swap(older, old);
        std::swap(old, row);
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            row[j + 1] = std::min({old[j] + (a[i] == b[j] ? 0 : 1), row[j] + 1, old[j + 1] + 1});
            if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j]) {
                row[j + 1] = std::min(row[j + 1], older[j - 1] + 1);
            }
        }
    }
    return row.back();
}

} // namespace

namespace {

/// Marks that turn the direction of what follows, and U+2028 and U+2029, which end a line: U+061C, U+200E, U+200F,
/// U+2028 to U+202E, U+2066 to U+2069. Returns the mark's length; 0 where the text begins with none.
std::size_t directionMarkLength(std::string_view text) noexcept {
    constexpr std::string_view arabicMark = "\xD8\x9C";
    if (text.starts_with(arabicMark)) {
        return arabicMark.size();
    }
    if (text.size() < 3 || text[0] != '\xE2') {
        return 0;
    }
    const auto second = static_cast<unsigned char>(text[1]);
    const auto third = static_cast<unsigned char>(text[2]);
    const bool mark = (second == 0x80 && (third == 0x8E || third == 0x8F || (third >= 0xA8 && third <= 0xAE))) ||
                      (second == 0x81 && third >= 0xA6 && third <= 0xA9);
    return mark ? 3 : 0;
}

} // namespace

std::size_t controlCharacterLength(std::string_view text) noexcept {
    if (text.empty()) {
        return 0;
    }
    const auto first = static_cast<unsigned char>(text[0]);
    if (first < 0x80) {
        return first < 0x20 || first == 0x7F ? 1 : 0;
    }
    if (first == 0xC2 && text.size() > 1 && static_cast<unsigned char>(text[1]) < 0xA0) {
        return 2; // U+0080 to U+009F
    }
    return directionMarkLength(text);
}

bool hasControlCharacter(std::string_view text) noexcept {
    for (; !text.empty(); text.remove_prefix(1)) {
        if (controlCharacterLength(text) != 0) {
            return true;
        }
    }
    return false;
}

bool isUtf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const std::size_t length = sequenceLength(text);
        if (length == 0) {
            return false;
        }
        text.remove_prefix(length);
    }
    return true;
}

std::optional<std::string> interfaceNameProblem(std::string_view text) {
    if (text.empty()) {
        return "an interface's name is empty";
    }
    if (text.size() > 15) {
        return "an interface's name has at most 15 characters (IFNAMSIZ)";
    }
    // The kernel takes more than these; tools, sysctl paths and firewall rules do not.
    const bool good = std::all_of(text.begin(), text.end(),
                                  [](char c) { return isAlphanumeric(c) || c == '.' || c == '_' || c == '-'; });
    if (!good || !isAlphanumeric(text.front())) {
        return "an interface's name is letters, digits, '.', '_' and '-', and starts with a letter or digit";
    }
    // /proc/sys/net/ipv4/conf has folders of these names that stand for every interface.
    if (text == "lo" || text == "all" || text == "default") {
        return std::string(text) + " is reserved by the kernel";
    }
    return std::nullopt;
}

std::optional<std::string> hostNameProblem(std::string_view text) {
    if (text.empty()) {
        return "the host name is empty";
    }
    if (text.size() > 64) {
        return "a host name has at most 64 characters";
    }
    std::size_t start = 0;
    while (start <= text.size()) {
        const std::size_t end = std::min(text.find('.', start), text.size());
        const std::string_view label = text.substr(start, end - start);
        if (label.empty()) {
            return "a part between the dots is empty";
        }
        if (label.size() > 63) {
            return "a part between dots has at most 63 characters";
        }
        const bool good = std::all_of(label.begin(), label.end(), [](char c) { return isAlphanumeric(c) || c == '-'; });
        if (!good || label.front() == '-' || label.back() == '-') {
            return "a host name is letters, digits and '-' between dots, with '-' not first or last";
        }
        start = end + 1;
    }
    return std::nullopt;
}

std::string cut(std::string_view text, std::size_t bytes) {
    if (text.size() <= bytes) {
        return std::string(text);
    }
    while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) { // the middle of a character
        --bytes;
    }
    return std::string(text.substr(0, bytes)) + "…";
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
    if (word.size() > 64) {
        return "";
    }
    // A third of the word may be wrong; of a short one, one character.
    std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;
    std::string found;
    for (const std::string& candidate : candidates) {
        const std::size_t apart = distance(word, candidate);
        if (apart < best) {
            best = apart;
            found = candidate;
        }
    }
    return found;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
    const std::string meant = nearest(word, candidates);
    return meant.empty() ? "" : "; did you mean '" + meant + "'?";
}

} // namespace zoned::zone
