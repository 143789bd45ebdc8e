// What is different between two definitions of one zone, and when each
// difference reaches it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "zone/definition.hpp"
#include "zone/schema.hpp"

namespace zoned::zone {

struct Change {
    std::string key; // "resources.memory", "network": lists and maps are one key
    Effect effect;
    bool operator==(const Change&) const = default;
};

/// In the schema's order; empty where both are the same.
[[nodiscard]] std::vector<Change> diff(const Definition& before, const Definition& after);
/// The keys that diff tells apart: those of the schema but for what is inside lists and maps. A test compares the two.
[[nodiscard]] std::vector<std::string_view> diffKeys();

} // namespace zoned::zone
