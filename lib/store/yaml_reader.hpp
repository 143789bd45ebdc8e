// Typed reading of a YAML tree: collects every problem, with its file, line
// and key, and remembers the line of each key. Each function gives nothing
// where it has noted a problem.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/yaml_tree.hpp"
#include "zone/definition.hpp"
#include "zone/text_rules.hpp"

namespace zoned::store::yaml {

class Reader {
public:
    explicit Reader(std::string origin) : origin_(std::move(origin)) {}

    void problem(const Node& node, const std::string& path, const std::string& text) {
        problemAt(node.line, path, text);
    }
    void problemAt(int line, const std::string& path, const std::string& text) {
        problems_.push_back({origin_, line, path, text});
    }
    void noteLine(const std::string& path, int line) { lines_[path] = line; }
    /// Throws zone::DefinitionFault where there was any problem, in the order of the lines.
    void finish();
    [[nodiscard]] const std::map<std::string, int>& lines() const noexcept { return lines_; }

    [[nodiscard]] std::optional<std::string> text(const Node& node, const std::string& path);
    [[nodiscard]] std::optional<bool> boolean(const Node& node, const std::string& path);
    [[nodiscard]] std::optional<std::uint64_t> count(const Node& node, const std::string& path, std::uint64_t limit);
    [[nodiscard]] std::optional<double> decimal(const Node& node, const std::string& path);
    [[nodiscard]] std::optional<std::uint64_t> size(const Node& node, const std::string& path);
    [[nodiscard]] std::optional<std::chrono::seconds> duration(const Node& node, const std::string& path);
    [[nodiscard]] std::optional<std::uint32_t> address(const Node& node, const std::string& path);
    [[nodiscard]] std::optional<zone::Ipv4Network> network(const Node& node, const std::string& path);

    /// Whether the node is a list (a map); notes a problem where it is not.
    bool isList(const Node& node, const std::string& path);
    bool isMap(const Node& node, const std::string& path);
    /// Reads the elements of a list: action(element, "path[2]").
    template <typename Action>
    void eachItem(const Node& node, const std::string& path, Action action) {
        if (!isList(node, path)) {
            return;
        }
        for (std::size_t i = 0; i < node.items.size(); ++i) {
            const std::string itemPath = path + "[" + std::to_string(i) + "]";
            noteLine(itemPath, node.items[i].line);
            action(node.items[i], itemPath);
        }
    }

private:
    [[nodiscard]] const std::string* word(const Node& node, const std::string& path, std::string_view expected);
    void mismatch(const Node& node, const std::string& path, std::string_view expected);

    std::string origin_;
    std::vector<zone::Problem> problems_;
    std::map<std::string, int> lines_;
};

/// How one key of a map is read into a `Target`.
template <typename Target>
struct Field {
    std::string_view key;
    void (*read)(Reader& reader, const Node& node, const std::string& path, Target& target);
};

/// Reads a map by its table of fields; a key that the table does not have is a problem.
/// @param path of the map; "" for the root
template <typename Target>
void readFields(Reader& reader, const Node& node, const std::string& path,
                std::type_identity_t<std::span<const Field<Target>>> fields, Target& target) {
    if (!reader.isMap(node, path)) {
        return;
    }
    std::vector<std::string> known;
    for (const auto& field : fields) {
        known.emplace_back(field.key);
    }
    for (const Entry& entry : node.entries) {
        bool found = false;
        const std::string name = zone::hasControlCharacter(entry.key) ? "(unprintable)" : entry.key;
        const std::string entryPath = path.empty() ? name : path + "." + name;
        for (const auto& field : fields) {
            if (field.key == entry.key) {
                found = true;
                reader.noteLine(entryPath, entry.line);
                field.read(reader, entry.value, entryPath, target);
            }
        }
        if (!found) {
            reader.problemAt(entry.line, entryPath, "there is no such key" + zone::suggestion(entry.key, known));
        }
    }
}

/// "512M", the largest unit that divides it; what Reader::size reads back.
[[nodiscard]] std::string sizeText(std::uint64_t bytes);

} // namespace zoned::store::yaml
