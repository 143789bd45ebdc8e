#include "store/yaml_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace zoned::store::yaml {

namespace {

/// "0777" is 511 to a reader of YAML 1.1, and 777 to one of 1.2: nobody knows which was meant.
bool hasLeadingZero(std::string_view text) {
    return text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

/// The digits that `text` starts with, as a number; takes them off. Nothing where there are none, or too many, or where
/// they begin with a needless 0.
std::optional<std::uint64_t> leadingNumber(std::string_view& text) {
    if (hasLeadingZero(text)) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    const auto [rest, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{}) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    return value;
}

std::optional<std::uint64_t> product(std::uint64_t value, std::uint64_t factor) {
    if (value > std::numeric_limits<std::uint64_t>::max() / factor) {
        return std::nullopt;
    }
    return value * factor;
}

struct Unit {
    std::string_view suffix;
    std::uint64_t factor;
};
constexpr std::array sizeUnits{Unit{"T", 1ULL << 40},   Unit{"G", 1ULL << 30},   Unit{"M", 1ULL << 20},
                               Unit{"K", 1ULL << 10},   Unit{"TiB", 1ULL << 40}, Unit{"GiB", 1ULL << 30},
                               Unit{"MiB", 1ULL << 20}, Unit{"KiB", 1ULL << 10}, Unit{"", 1}};
constexpr std::array timeUnits{Unit{"s", 1}, Unit{"m", 60}, Unit{"h", 3600}, Unit{"", 1}};

std::optional<std::uint64_t> withUnit(std::string_view text, std::span<const Unit> units) {
    const auto value = leadingNumber(text);
    const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& each) { return each.suffix == text; });
    return value && unit != units.end() ? product(*value, unit->factor) : std::nullopt;
}

} // namespace

void Reader::finish() {
    if (problems_.empty()) {
        return;
    }
    std::stable_sort(problems_.begin(), problems_.end(),
                     [](const zone::Problem& a, const zone::Problem& b) { return a.line < b.line; });
    throw zone::DefinitionFault(problems_);
}

void Reader::mismatch(const Node& node, const std::string& path, std::string_view expected) {
    const bool zero = node.kind == Node::Kind::scalar && hasLeadingZero(node.text);
    problem(node, path,
            describe(node) + " is not " + std::string(expected) +
                (zero ? "; write it without the leading 0, which can mean an octal number" : ""));
}

/// The text of a scalar; `expected` says what it should have been.
const std::string* Reader::word(const Node& node, const std::string& path, std::string_view expected) {
    if (node.kind == Node::Kind::null) {
        problem(node, path, "has no value; write " + std::string(expected) + ", or take the key away");
        return nullptr;
    }
    if (node.kind != Node::Kind::scalar) {
        mismatch(node, path, expected);
        return nullptr;
    }
    return &node.text;
}

std::optional<std::string> Reader::text(const Node& node, const std::string& path) {
    const std::string* value = word(node, path, "a text");
    if (value == nullptr) {
        return std::nullopt;
    }
    if (zone::hasControlCharacter(*value)) {
        problem(node, path, "a text is one line, without control characters");
        return std::nullopt;
    }
    return *value;
}

std::optional<bool> Reader::boolean(const Node& node, const std::string& path) {
    const std::string* value = word(node, path, "true or false");
    if (value == nullptr) {
        return std::nullopt;
    }
    if (*value == "true" || *value == "yes") {
        return true;
    }
    if (*value == "false" || *value == "no") {
        return false;
    }
    mismatch(node, path, "true or false");
    return std::nullopt;
}

std::optional<std::uint64_t> Reader::count(const Node& node, const std::string& path, std::uint64_t limit) {
    const std::string* value = word(node, path, "a whole number");
    if (value == nullptr) {
        return std::nullopt;
    }
    std::string_view rest = *value;
    const auto number = leadingNumber(rest);
    if (!number || !rest.empty()) {
        mismatch(node, path, "a whole number");
        return std::nullopt;
    }
    if (*number > limit) {
        problem(node, path, describe(node) + " is too large: at most " + std::to_string(limit));
        return std::nullopt;
    }
    return number;
}

std::optional<double> Reader::decimal(const Node& node, const std::string& path) {
    const std::string* value = word(node, path, "a number, such as 1.5");
    if (value == nullptr) {
        return std::nullopt;
    }
    double number = 0;
    const char* const end = value->data() + value->size();
    const auto [rest, fault] = std::from_chars(value->data(), end, number, std::chars_format::fixed);
    // from_chars reads "nan" and "inf" as well
    if (fault != std::errc{} || rest != end || !std::isfinite(number) || hasLeadingZero(*value)) {
        mismatch(node, path, "a number, such as 1.5");
        return std::nullopt;
    }
    return number;
}

std::optional<std::uint64_t> Reader::size(const Node& node, const std::string& path) {
    const std::string* value = word(node, path, "a size, such as 512M");
    const auto bytes = value == nullptr ? std::nullopt : withUnit(*value, sizeUnits);
    if (value != nullptr && !bytes) {
        mismatch(node, path, "a size; write a number with K, M, G or T, such as 512M");
    }
    return bytes;
}

std::optional<std::chrono::seconds> Reader::duration(const Node& node, const std::string& path) {
    const std::string* value = word(node, path, "a duration, such as 90s");
    auto seconds = value == nullptr ? std::nullopt : withUnit(*value, timeUnits);
    if (seconds > std::numeric_limits<std::uint32_t>::max()) {
        seconds = std::nullopt;
    }
    if (value != nullptr && !seconds) {
        mismatch(node, path, "a duration; write a number with s, m or h, such as 90s");
    }
    return seconds ? std::optional(std::chrono::seconds(*seconds)) : std::nullopt;
}

std::optional<std::uint32_t> Reader::address(const Node& node, const std::string& path) {
    const std::string* value = word(node, path, "an IPv4 address");
    const auto result = value == nullptr ? std::nullopt : zone::parseIpv4(*value);
    if (value != nullptr && !result) {
        mismatch(node, path, "an IPv4 address, such as 10.213.0.1");
    }
    return result;
}

std::optional<zone::Ipv4Network> Reader::network(const Node& node, const std::string& path) {
    constexpr std::string_view expected = "an IPv4 address with its prefix, such as 10.213.0.10/16";
    const std::string* value = word(node, path, expected);
    const auto result = value == nullptr ? std::nullopt : zone::parseIpv4Network(*value);
    if (value != nullptr && !result) {
        mismatch(node, path, expected);
    }
    return result;
}

bool Reader::isList(const Node& node, const std::string& path) {
    if (node.kind != Node::Kind::list) {
        mismatch(node, path, "a list; write its elements as [a, b] or in lines that start with '- '");
    }
    return node.kind == Node::Kind::list;
}

bool Reader::isMap(const Node& node, const std::string& path) {
    if (node.kind != Node::Kind::map) {
        mismatch(node, path, "a map; write its keys in lines 'key: value'");
    }
    return node.kind == Node::Kind::map;
}

std::string sizeText(std::uint64_t bytes) {
    for (const Unit& unit : sizeUnits) {
        if (bytes != 0 && bytes % unit.factor == 0) {
            return std::to_string(bytes / unit.factor) + std::string(unit.suffix);
        }
    }
    return std::to_string(bytes);
}

} // namespace zoned::store::yaml
