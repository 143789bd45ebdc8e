// Limits as YAML, one reader and one writer for both places that they stand
// in: `resources` of a definition, and a group of zoned.yaml.
#pragma once

#include <string>
#include <vector>

#include "store/yaml_reader.hpp"
#include "zone/definition.hpp"

namespace zoned::store {

/// Notes what is wrong with the reader.
void readResources(yaml::Reader& reader, const yaml::Node& node, const std::string& path, zone::Resources& resources);
[[nodiscard]] yaml::Node resourcesNode(const zone::Resources& resources);
/// Paths of the keys below `resources`, as in the schema: "memory", "io[].device".
[[nodiscard]] std::vector<std::string> resourceKeysRead();

} // namespace zoned::store
