// Definitions as YAML: the one reader, whatever the way in (a file, the bus, a
// hand-edited folder), with the file, line and key in every complaint; and the writer.
//
// Hostile input is bounded before it is parsed: 64 KiB of text, 16 levels, no
// anchors, aliases or tags, no duplicate and no unknown keys.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "zone/definition.hpp"
#include "zone/fault.hpp"
#include "zone/validate.hpp"

namespace zoned::store {

struct ParsedDefinition {
    zone::Definition definition;
    /// Line (1-based) of each key that the text holds: "network[0].address" -> 7.
    std::map<std::string, int> lines;
};

/// Reads and type-checks; throws zone::DefinitionFault with every problem found.
/// @param origin what to call the text in complaints: a file's name
[[nodiscard]] ParsedDefinition parseDefinition(const std::string& text, const std::string& origin);

/// parseDefinition, then zone::validate with the lines put in; throws zone::DefinitionFault.
[[nodiscard]] zone::Definition readDefinition(const std::string& text, const std::string& origin,
                                              const zone::Surroundings& surroundings);

/// The paths of all keys that the reader knows, as in the schema; a test compares the two.
[[nodiscard]] std::vector<std::string> definitionKeysRead();

/// The definition as YAML, keys in the schema's order, defaults left out.
[[nodiscard]] std::string writeDefinition(const zone::Definition& definition);

/// Puts `key=value` settings into a definition's text and returns the new text. Keys are dotted paths
/// ("resources.memory", "network[0].address"), values YAML flow ("512M", "[a, b]", "{LANG: C}").
/// An empty value takes the key away. Throws zone::DefinitionFault where a key does not exist.
[[nodiscard]] std::string applySettings(const std::string& text,
                                        const std::vector<std::pair<std::string, std::string>>& settings);

} // namespace zoned::store
