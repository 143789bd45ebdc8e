#include "store/definition_yaml.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <type_traits>

#include "store/resources_yaml.hpp"
#include "store/yaml_reader.hpp"
#include "zone/schema.hpp"

namespace zoned::store {

namespace {

using yaml::Field;
using yaml::Node;
using yaml::Reader;
using zone::Definition;
using Path = const std::string&;

constexpr std::array nicFields{
    Field<zone::Nic>{"name", [](Reader& reader, const Node& node, Path path,
                                zone::Nic& nic) { nic.name = reader.text(node, path).value_or(""); }},
    Field<zone::Nic>{"bridge", [](Reader& reader, const Node& node, Path path,
                                  zone::Nic& nic) { nic.bridge = reader.text(node, path); }},
    Field<zone::Nic>{"address",
                     [](Reader& reader, const Node& node, Path path, zone::Nic& nic) {
                         if (node.kind != Node::Kind::list) {
                             nic.address = reader.network(node, path);
                         } else if (node.items.size() == 1) {
                             reader.noteLine(path + "[0]", node.items[0].line);
                             nic.address = reader.network(node.items[0], path);
                         } else {
                             reader.problem(node, path,
                                            "an interface has one address, this list has " +
                                                std::to_string(node.items.size()));
                         }
                     }},
    Field<zone::Nic>{"gateway", [](Reader& reader, const Node& node, Path path,
                                   zone::Nic& nic) { nic.gateway = reader.address(node, path); }},
};

constexpr std::array mountFields{
    Field<zone::Mount>{"source", [](Reader& reader, const Node& node, Path path,
                                    zone::Mount& mount) { mount.source = reader.text(node, path).value_or(""); }},
    Field<zone::Mount>{"target", [](Reader& reader, const Node& node, Path path,
                                    zone::Mount& mount) { mount.target = reader.text(node, path).value_or(""); }},
    Field<zone::Mount>{"read-only",
                       [](Reader& reader, const Node& node, Path path, zone::Mount& mount) {
                           mount.readOnly = reader.boolean(node, path).value_or(false);
                       }},
};

void readRights(Reader& reader, const Node& node, Path path, zone::Admin& admin) {
    reader.eachItem(node, path, [&](const Node& item, Path itemPath) {
        const auto text = reader.text(item, itemPath);
        const auto right = text ? zone::parseRight(*text) : std::nullopt;
        if (right) {
            admin.may.push_back(*right);
        } else if (text) {
            reader.problem(item, itemPath,
                           yaml::describe(item) + " is none of login, exec, console, manage" +
                               zone::suggestion(*text, zone::rightNames()));
        }
    });
}

constexpr std::array adminFields{
    Field<zone::Admin>{"user", [](Reader& reader, const Node& node, Path path,
                                  zone::Admin& admin) { admin.user = reader.text(node, path).value_or(""); }},
    Field<zone::Admin>{"group", [](Reader& reader, const Node& node, Path path,
                                   zone::Admin& admin) { admin.group = reader.text(node, path).value_or(""); }},
    Field<zone::Admin>{"may", readRights},
};

constexpr std::array namedInits{zone::InitKind::automatic, zone::InitKind::systemd, zone::InitKind::sysvinit,
                                zone::InitKind::openrc, zone::InitKind::busybox};

void readInit(Reader& reader, const Node& node, Path path, Definition& definition) {
    if (node.kind == Node::Kind::list) {
        definition.init.kind = zone::InitKind::custom;
        reader.eachItem(node, path, [&](const Node& item, Path itemPath) {
            definition.init.argv.push_back(reader.text(item, itemPath).value_or(""));
        });
        return;
    }
    for (const zone::InitKind kind : namedInits) {
        if (node.kind == Node::Kind::scalar && node.text == zone::initKindName(kind)) {
            definition.init.kind = kind;
            return;
        }
    }
    reader.problem(node, path,
                   yaml::describe(node) + " is none of auto, systemd, sysvinit, openrc, busybox; a program of your "
                                          "own is written as a list, such as [/sbin/init]");
}

void readTexts(Reader& reader, const Node& node, Path path, std::vector<std::string>& texts) {
    reader.eachItem(node, path, [&](const Node& item, Path itemPath) {
        texts.push_back(reader.text(item, itemPath).value_or(""));
    });
}

constexpr std::array hostShutdowns{zone::HostShutdown::shutdown, zone::HostShutdown::halt};
constexpr std::array restarts{zone::Restart::no, zone::Restart::onFailure, zone::Restart::always};

/// One of a few words, each the name of a value.
template <typename Value>
void readChoice(Reader& reader, const Node& node, Path path, std::type_identity_t<std::span<const Value>> values,
                std::string_view (*nameOf)(Value) noexcept, Value& value) {
    std::vector<std::string> names;
    for (const Value each : values) {
        if (node.kind == Node::Kind::scalar && node.text == nameOf(each)) {
            value = each;
            return;
        }
        names.emplace_back(nameOf(each));
    }
    std::string list;
    for (const std::string& name : names) {
        list += (list.empty() ? "" : ", ") + name;
    }
    reader.problem(node, path, yaml::describe(node) + " is none of " + list + zone::suggestion(node.text, names));
}

void readNetwork(Reader& reader, const Node& node, Path path, Definition& definition) {
    definition.network.clear();
    reader.eachItem(node, path, [&](const Node& item, Path itemPath) {
        yaml::readFields<zone::Nic>(reader, item, itemPath, nicFields, definition.network.emplace_back());
    });
}

void readMounts(Reader& reader, const Node& node, Path path, Definition& definition) {
    reader.eachItem(node, path, [&](const Node& item, Path itemPath) {
        yaml::readFields<zone::Mount>(reader, item, itemPath, mountFields, definition.mounts.emplace_back());
        for (const char* required : {"source", "target"}) {
            if (item.kind == Node::Kind::map && item.find(required) == nullptr) {
                reader.problem(item, itemPath + "." + required, "the key is missing");
            }
        }
    });
}

void readAdmins(Reader& reader, const Node& node, Path path, Definition& definition) {
    reader.eachItem(node, path, [&](const Node& item, Path itemPath) {
        yaml::readFields<zone::Admin>(reader, item, itemPath, adminFields, definition.admins.emplace_back());
        if (item.kind == Node::Kind::map && item.find("may") == nullptr) {
            reader.problem(item, itemPath + ".may", "the key is missing");
        }
    });
}

void readEnvironment(Reader& reader, const Node& node, Path path, Definition& definition) {
    if (!reader.isMap(node, path)) {
        return;
    }
    for (const yaml::Entry& entry : node.entries) {
        if (zone::hasControlCharacter(entry.key)) {
            reader.problemAt(entry.line, path, "a variable's name has control characters");
            continue;
        }
        const std::string entryPath = path + "." + entry.key;
        reader.noteLine(entryPath, entry.line);
        definition.environment[entry.key] = reader.text(entry.value, entryPath).value_or("");
    }
}

constexpr std::array definitionFields{
    Field<Definition>{"zone", [](Reader& reader, const Node& node, Path path,
                                 Definition& definition) { definition.zone = reader.text(node, path).value_or(""); }},
    Field<Definition>{"description",
                      [](Reader& reader, const Node& node, Path path, Definition& definition) {
                          definition.description = reader.text(node, path).value_or("");
                      }},
    Field<Definition>{"image", [](Reader& reader, const Node& node, Path path,
                                  Definition& definition) { definition.image = reader.text(node, path).value_or(""); }},
    Field<Definition>{"autoboot",
                      [](Reader& reader, const Node& node, Path path, Definition& definition) {
                          definition.autoboot = reader.boolean(node, path).value_or(false);
                      }},
    Field<Definition>{"boot-priority",
                      [](Reader& reader, const Node& node, Path path, Definition& definition) {
                          const auto priority = reader.count(node, path, std::numeric_limits<std::uint32_t>::max());
                          definition.bootPriority = static_cast<std::uint32_t>(priority.value_or(0));
                      }},
    Field<Definition>{"after", [](Reader& reader, const Node& node, Path path,
                                  Definition& definition) { readTexts(reader, node, path, definition.after); }},
    Field<Definition>{"requires", [](Reader& reader, const Node& node, Path path,
                                     Definition& definition) { readTexts(reader, node, path, definition.needs); }},
    Field<Definition>{"host-requires",
                      [](Reader& reader, const Node& node, Path path, Definition& definition) {
                          readTexts(reader, node, path, definition.hostRequires);
                      }},
    Field<Definition>{"boot-retries",
                      [](Reader& reader, const Node& node, Path path, Definition& definition) {
                          const auto retries = reader.count(node, path, std::numeric_limits<std::uint32_t>::max());
                          definition.bootRetries = static_cast<std::uint32_t>(retries.value_or(0));
                      }},
    Field<Definition>{"host-shutdown",
                      [](Reader& reader, const Node& node, Path path, Definition& definition) {
                          readChoice<zone::HostShutdown>(reader, node, path, hostShutdowns, zone::hostShutdownName,
                                                         definition.hostShutdown);
                      }},
    Field<Definition>{"restart",
                      [](Reader& reader, const Node& node, Path path, Definition& definition) {
                          readChoice<zone::Restart>(reader, node, path, restarts, zone::restartName,
                                                    definition.restart);
                      }},
    Field<Definition>{"init", readInit},
    Field<Definition>{"hostname",
                      [](Reader& reader, const Node& node, Path path, Definition& definition) {
                          definition.hostname = reader.text(node, path).value_or("");
                          if (node.kind == Node::Kind::scalar && node.text.empty()) {
                              reader.problem(node, path, "is empty; take the key away to use the zone's name");
                          }
                      }},
    Field<Definition>{"network", readNetwork},
    Field<Definition>{"dns",
                      [](Reader& reader, const Node& node, Path path, Definition& definition) {
                          reader.eachItem(node, path, [&](const Node& item, Path itemPath) {
                              definition.dns.push_back(reader.text(item, itemPath).value_or(""));
                          });
                      }},
    Field<Definition>{"group", [](Reader& reader, const Node& node, Path path,
                                  Definition& definition) { definition.group = reader.text(node, path).value_or(""); }},
    Field<Definition>{"resources",
                      [](Reader& reader, const Node& node, Path path, Definition& definition) {
                          readResources(reader, node, path, definition.resources);
                      }},
    Field<Definition>{"mounts", readMounts},
    Field<Definition>{"environment", readEnvironment},
    Field<Definition>{"stop-timeout",
                      [](Reader& reader, const Node& node, Path path, Definition& definition) {
                          definition.stopTimeout = reader.duration(node, path).value_or(definition.stopTimeout);
                      }},
    Field<Definition>{"privileged",
                      [](Reader& reader, const Node& node, Path path, Definition& definition) {
                          definition.privileged = reader.boolean(node, path).value_or(false);
                      }},
    Field<Definition>{"admins", readAdmins},
};

/// Reads what the tree holds; problems stay with the reader.
Definition readTree(Reader& reader, const Node& root) {
    Definition definition;
    yaml::readFields<Definition>(reader, root, "", definitionFields, definition);
    return definition;
}

/// The line to show for a key: its own, or that of the nearest thing around it.
int lineFor(const std::map<std::string, int>& lines, std::string key) {
    while (!key.empty()) {
        if (const auto found = lines.find(key); found != lines.end()) {
            return found->second;
        }
        const std::size_t cut = key.find_last_of(".[");
        key.resize(cut == std::string::npos ? 0 : cut);
    }
    return 0;
}

// Settings

/// One step into a tree: a key, or a list's index.
struct Step {
    std::string key;
    std::optional<std::size_t> index;
};

[[noreturn]] void refuse(const std::string& key, const std::string& text) {
    throw zone::DefinitionFault({{"", 0, key, text}});
}

std::vector<std::string> schemaPaths() {
    std::vector<std::string> paths;
    for (const zone::Key& key : zone::schema()) {
        paths.emplace_back(key.path);
    }
    return paths;
}

/// Whether a path may be set: a key of the schema, or an element of one that is a list.
bool isSettable(const std::string& path) {
    if (zone::findKey(path) != nullptr) {
        return true;
    }
    const std::size_t bracket = path.rfind('[');
    if (bracket == std::string::npos || path.back() != ']' ||
        path.find_first_not_of("0123456789", bracket + 1) != path.size() - 1 || bracket + 2 == path.size()) {
        return false;
    }
    const zone::Key* list = zone::findKey(path.substr(0, bracket));
    return list != nullptr && (list->type == zone::KeyType::list || list->type == zone::KeyType::init);
}

/// @param path one that isSettable
std::vector<Step> steps(const std::string& path) {
    std::vector<Step> result;
    for (std::size_t at = 0; at < path.size();) {
        if (path[at] == '[') {
            const std::size_t end = path.find(']', at);
            std::size_t index = 0;
            const auto fault = std::from_chars(path.data() + at + 1, path.data() + end, index).ec;
            if (fault != std::errc{} || index >= yaml::maxNodes) {
                refuse(path, "the number in the brackets is too large");
            }
            result.push_back({"", index});
            at = end + 1;
        } else {
            at += path[at] == '.' ? 1 : 0;
            const std::size_t end = std::min(path.find_first_of(".[", at), path.size());
            result.push_back({path.substr(at, end - at), std::nullopt});
            at = end;
        }
    }
    return result;
}

/// The node that a step leads to from `node`, made where it may be; null where it is not there and `make` is false.
Node* descend(Node& node, const Step& step, bool make, const std::string& path) {
    const Node::Kind wanted = step.index ? Node::Kind::list : Node::Kind::map;
    if (node.kind == Node::Kind::null && make) {
        node.kind = wanted;
    }
    if (node.kind == Node::Kind::null) {
        return nullptr;
    }
    if (node.kind != wanted) {
        refuse(path, std::string("what stands in the definition there is ") + yaml::describe(node) + ", not " +
                         (step.index ? "a list" : "a map"));
    }
    if (!step.index) {
        Node* found = node.find(step.key);
        if (found == nullptr && make) {
            node.entries.push_back({step.key, 0, Node{}});
            found = &node.entries.back().value;
        }
        return found;
    }
    if (*step.index == node.items.size() && make) {
        node.items.emplace_back();
    }
    if (*step.index < node.items.size()) {
        return &node.items[*step.index];
    }
    if (make) {
        refuse(path, "the list has only " + std::to_string(node.items.size()) + " elements; the next one is [" +
                         std::to_string(node.items.size()) + "]");
    }
    return nullptr;
}

void eraseAt(Node& root, const std::vector<Step>& way, const std::string& path) {
    Node* node = &root;
    for (std::size_t i = 0; i + 1 < way.size(); ++i) {
        node = descend(*node, way[i], false, path);
        if (node == nullptr) {
            return;
        }
    }
    const Step& last = way.back();
    if (descend(*node, last, false, path) == nullptr) {
        return;
    }
    if (last.index) {
        node->items.erase(node->items.begin() + static_cast<std::ptrdiff_t>(*last.index));
    } else {
        std::erase_if(node->entries, [&](const yaml::Entry& entry) { return entry.key == last.key; });
    }
}

/// The value of a setting: YAML flow; whatever is no list, map or quoted text is taken as it is, so
/// that "description=Web: the shop" needs no quotes of YAML inside those of the shell.
Node parseValue(const std::string& key, const std::string& value) {
    const char first = value.front();
    if (first != '[' && first != '{' && first != '"' && first != '\'') {
        if (zone::hasControlCharacter(value) || !zone::isUtf8(value) || value.size() > yaml::maxBytes) {
            refuse(key, "the value is one line of UTF-8 text, without control characters");
        }
        return yaml::scalar(value, value == "~" || value == "null" || value == "Null" || value == "NULL");
    }
    try {
        return yaml::parse(value, "");
    } catch (const zone::DefinitionFault& fault) {
        refuse(key, fault.problems().front().text);
    }
}

} // namespace

std::vector<std::string> definitionKeysRead() {
    std::vector<std::string> keys;
    const auto add = [&](const std::string& prefix, const auto& fields) {
        for (const auto& field : fields) {
            keys.push_back(prefix + std::string(field.key));
        }
    };
    add("", definitionFields);
    add("network[].", nicFields);
    for (const std::string& key : resourceKeysRead()) {
        keys.push_back("resources." + key);
    }
    add("mounts[].", mountFields);
    add("admins[].", adminFields);
    keys.emplace_back("environment.*");
    return keys;
}

ParsedDefinition parseDefinition(const std::string& text, const std::string& origin) {
    const Node root = yaml::parse(text, origin);
    Reader reader(origin);
    if (root.kind == Node::Kind::null) {
        reader.problemAt(0, "", "is empty: a definition has at least the keys zone and image");
    }
    reader.finish();
    Definition definition = readTree(reader, root);
    for (const zone::Key& key : zone::schema()) {
        const bool nested = key.path.find_first_of(".[") != std::string_view::npos;
        if (key.required && !nested && root.kind == Node::Kind::map && root.find(std::string(key.path)) == nullptr) {
            reader.problemAt(0, std::string(key.path), "the key is missing");
        }
    }
    reader.finish();
    return {std::move(definition), reader.lines()};
}

zone::Definition readDefinition(const std::string& text, const std::string& origin,
                                const zone::Surroundings& surroundings) {
    ParsedDefinition parsed = parseDefinition(text, origin);
    std::vector<zone::Problem> problems;
    for (const zone::Finding& finding : zone::validate(parsed.definition, surroundings)) {
        problems.push_back({origin, lineFor(parsed.lines, finding.key), finding.key, finding.text});
    }
    if (!problems.empty()) {
        throw zone::DefinitionFault(std::move(problems));
    }
    return std::move(parsed.definition);
}

std::string applySettings(const std::string& text, const std::vector<std::pair<std::string, std::string>>& settings) {
    Node root = yaml::parse(text, "");
    if (settings.empty()) {
        return text; // as it was written, comments and all
    }
    if (root.kind != Node::Kind::null) {
        // What is wrong in the text itself is told with the lines of the text, not with those of the result.
        Reader reader("");
        (void)readTree(reader, root);
        reader.finish();
    }
    for (const auto& [key, value] : settings) {
        if (!isSettable(key)) {
            refuse(zone::hasControlCharacter(key) || !zone::isUtf8(key) ? "(unprintable)" : key,
                   "there is no such key" + zone::suggestion(key, schemaPaths()));
        }
        const std::vector<Step> way = steps(key);
        if (value.empty()) {
            eraseAt(root, way, key);
            continue;
        }
        Node* node = &root;
        for (const Step& step : way) {
            node = descend(*node, step, true, key);
        }
        *node = parseValue(key, value);
    }
    return root.kind == Node::Kind::null ? "" : yaml::write(root);
}

} // namespace zoned::store
