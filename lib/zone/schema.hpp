// Every key of a definition: its one home. The reader (store/definition_yaml),
// the manual page zone.yaml(5) and `zonectl help definition` are made from it.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace zoned::zone {

enum class KeyType { text, name, boolean, size, count, decimal, duration, address, network, path, list, map, init };

/// When a change of the key reaches the zone.
/// `live`: in a running zone by `zonectl set`, else at the next boot.
enum class Effect { never, atInstall, atBoot, live, atOnce };

struct Key {
    std::string_view path; // "zone", "network[].address", "resources.memory", "environment.*"
    KeyType type;
    std::string_view range;    // "32M or more", "1 to 4194304"; for people
    std::string_view fallback; // the default, as it would be written; "" where there is none
    bool required;
    Effect effect;
    std::string_view meaning; // one or two sentences
};

/// In the order they are shown in.
[[nodiscard]] std::span<const Key> schema() noexcept;
/// The key of a concrete path ("network[0].address"); null where there is none.
[[nodiscard]] const Key* findKey(std::string_view path) noexcept;
[[nodiscard]] std::string_view keyTypeName(KeyType type) noexcept;
/// The reference as plain text, 80 columns: `zonectl help definition`.
[[nodiscard]] std::string schemaText();
/// The reference as the KEYS section of a man page (mdoc).
[[nodiscard]] std::string schemaMdoc();
/// A complete example definition, valid YAML.
[[nodiscard]] std::string exampleDefinition();

} // namespace zoned::zone
