// YAML as a tree of maps, lists and scalars with their lines: what the readers
// of definitions and settings work on, and what is written back.
//
// The text comes from whoever may call the bus, or from an editor. So it is
// bounded before and while it is parsed: size, UTF-8, control characters,
// depth, number of nodes; anchors, aliases, tags and further documents are
// refused as they appear, and nothing is expanded. Every scalar stays text:
// what "yes" or "1.5" means, the reader decides, who knows the key.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "zone/fault.hpp"

namespace zoned::store::yaml {

constexpr std::size_t maxBytes = 64 * 1024;
constexpr std::size_t maxDepth = 16;
constexpr std::size_t maxNodes = 4096;

struct Entry;

struct Node {
    enum class Kind { null, scalar, list, map };

    Kind kind = Kind::null;
    int line = 0;               // 1-based; 0 for a node that was not read
    std::string text;           // of a scalar
    bool quoted = false;        // a scalar in quotes
    std::vector<Node> items;    // of a list
    std::vector<Entry> entries; // of a map, in the text's order; keys are unique
    bool operator==(const Node&) const = default;

    [[nodiscard]] const Node* find(const std::string& key) const;
    [[nodiscard]] Node* find(const std::string& key);
};

struct Entry {
    std::string key;
    int line = 0;
    Node value;
    bool operator==(const Entry&) const = default;
};

[[nodiscard]] Node scalar(std::string text, bool quoted = false);
/// "a list", "'12Q'": a node's value as complaints name it.
[[nodiscard]] std::string describe(const Node& node);

/// An empty text is a null node. Throws zone::DefinitionFault.
[[nodiscard]] Node parse(const std::string& text, const std::string& origin);
/// As block style YAML that `parse` reads back to the same tree (but for lines).
[[nodiscard]] std::string write(const Node& root);
/// As flow style YAML, on one line: "[{device: disk, read: 2M}]".
[[nodiscard]] std::string writeFlow(const Node& node);

} // namespace zoned::store::yaml
