// Reading state files as JSON without trust: a file may be cut short, edited or stale.
#pragma once

#include <nlohmann/json.hpp>

#include <concepts>
#include <limits>
#include <string>
#include <vector>

namespace zoned::store::json {

/// Texts in state files are shown to people: nothing longer is taken.
constexpr std::size_t maxText = 4096;

/// The object that a text holds; a null value where it holds none.
[[nodiscard]] inline nlohmann::json parseObject(const std::string& text) {
    nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
    return value.is_object() ? value : nlohmann::json();
}

/// Each puts the member into `target`; false, and `target` as it was, where it is absent or of another kind or range.
[[nodiscard]] inline bool get(const nlohmann::json& object, const char* key, std::string& target) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_string() || found->get_ref<const std::string&>().size() > maxText) {
        return false;
    }
    target = found->get<std::string>();
    return true;
}

[[nodiscard]] inline bool get(const nlohmann::json& object, const char* key, bool& target) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_boolean()) {
        return false;
    }
    target = found->get<bool>();
    return true;
}

[[nodiscard]] inline bool get(const nlohmann::json& object, const char* key, std::vector<std::string>& target) {
    constexpr std::size_t most = 100;
    const auto found = object.find(key);
    if (found == object.end() || !found->is_array() || found->size() > most) {
        return false;
    }
    std::vector<std::string> texts;
    for (const nlohmann::json& text : *found) {
        if (!text.is_string() || text.get_ref<const std::string&>().size() > maxText) {
            return false;
        }
        texts.push_back(text.get<std::string>());
    }
    target = std::move(texts);
    return true;
}

template <std::integral Number>
[[nodiscard]] bool get(const nlohmann::json& object, const char* key, Number& target) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number_unsigned()) { // nothing we keep is negative
        return false;
    }
    const auto value = found->template get<std::uint64_t>();
    if (value > static_cast<std::uint64_t>(std::numeric_limits<Number>::max())) {
        return false;
    }
    target = static_cast<Number>(value);
    return true;
}

/// As text for a file; bytes that are no UTF-8 are replaced, not refused.
[[nodiscard]] inline std::string write(const nlohmann::json& value) {
    return value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

[[nodiscard]] inline bool isHexId(const std::string& text) {
    return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

} // namespace zoned::store::json
