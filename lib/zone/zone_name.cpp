#include "zone/zone_name.hpp"

#include <algorithm>

#include "zone/fault.hpp"
#include "zone/text_rules.hpp"

namespace zoned::zone {

namespace {

bool isLowerOrDigit(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/// The text as it may be shown in a complaint: short, and without what a terminal would obey.
std::string shown(std::string_view text) {
    if (hasControlCharacter(text) || !isUtf8(text)) {
        return "(unprintable)";
    }
    return "'" + (text.size() > 80 ? std::string(text.substr(0, 20)) + "…" : std::string(text)) + "'";
}

} // namespace

std::optional<std::string> ZoneName::problem(std::string_view text) {
    if (text.empty()) {
        return "a name must not be empty";
    }
    if (text.size() > 63) {
        return "a name has at most 63 characters, this one has " + std::to_string(text.size());
    }
    if (!std::all_of(text.begin(), text.end(), [](char c) { return isLowerOrDigit(c) || c == '-'; })) {
        return "a name is lower-case letters, digits and '-'";
    }
    if (!isLowerOrDigit(text.front()) || !isLowerOrDigit(text.back())) {
        return "a name starts and ends with a letter or digit";
    }
    if (text == "global" || text == "host") {
        return "the name is reserved for the host itself";
    }
    return std::nullopt;
}

ZoneName::ZoneName(std::string_view text) : text_(text) {
    if (const auto why = problem(text)) {
        throw Fault(FaultKind::invalidName, "invalid name " + shown(text) + ": " + *why);
    }
}

} // namespace zoned::zone
