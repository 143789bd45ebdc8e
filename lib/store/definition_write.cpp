// The writing half of definition_yaml.hpp.
#include "store/definition_yaml.hpp"
#include "store/resources_yaml.hpp"
#include "store/yaml_reader.hpp"

namespace zoned::store {

namespace {

using yaml::Node;
using zone::Definition;

void put(Node& map, std::string_view key, Node value) {
    map.kind = Node::Kind::map;
    map.entries.push_back({std::string(key), 0, std::move(value)});
}

/// A text: in quotes where it is empty, as an empty plain scalar would be no value.
Node textNode(const std::string& text) {
    return yaml::scalar(text, text.empty());
}

Node booleanNode(bool value) {
    return yaml::scalar(value ? "true" : "false");
}

Node listNode(const std::vector<std::string>& texts) {
    Node list;
    list.kind = Node::Kind::list;
    for (const std::string& text : texts) {
        list.items.push_back(textNode(text));
    }
    return list;
}

Node nicNode(const zone::Nic& nic) {
    Node map;
    put(map, "name", textNode(nic.name));
    if (nic.bridge) {
        put(map, "bridge", textNode(*nic.bridge));
    }
    if (nic.address) {
        put(map, "address", yaml::scalar(nic.address->str()));
    }
    if (nic.gateway) {
        put(map, "gateway", yaml::scalar(zone::ipv4Text(*nic.gateway)));
    }
    return map;
}

Node mountNode(const zone::Mount& mount) {
    Node map;
    put(map, "source", textNode(mount.source));
    put(map, "target", textNode(mount.target));
    if (mount.readOnly) {
        put(map, "read-only", booleanNode(true));
    }
    return map;
}

Node adminNode(const zone::Admin& admin) {
    Node map;
    if (!admin.user.empty()) {
        put(map, "user", textNode(admin.user));
    }
    if (!admin.group.empty()) {
        put(map, "group", textNode(admin.group));
    }
    std::vector<std::string> rights;
    for (const zone::Right right : admin.may) {
        rights.emplace_back(zone::rightName(right));
    }
    put(map, "may", listNode(rights));
    return map;
}

template <typename Element>
Node listOf(const std::vector<Element>& elements, Node (*toNode)(const Element&)) {
    Node list;
    list.kind = Node::Kind::list;
    for (const Element& element : elements) {
        list.items.push_back(toNode(element));
    }
    return list;
}

/// When and after what the zone is booted and stopped.
void putBootKeys(Node& root, const Definition& definition) {
    const Definition defaults;
    if (definition.bootPriority != defaults.bootPriority) {
        put(root, "boot-priority", yaml::scalar(std::to_string(definition.bootPriority)));
    }
    if (!definition.after.empty()) {
        put(root, "after", listNode(definition.after));
    }
    if (!definition.needs.empty()) {
        put(root, "requires", listNode(definition.needs));
    }
    if (!definition.hostRequires.empty()) {
        put(root, "host-requires", listNode(definition.hostRequires));
    }
    if (definition.bootRetries != defaults.bootRetries) {
        put(root, "boot-retries", yaml::scalar(std::to_string(definition.bootRetries)));
    }
    if (definition.hostShutdown != defaults.hostShutdown) {
        put(root, "host-shutdown", yaml::scalar(std::string(zone::hostShutdownName(definition.hostShutdown))));
    }
    if (definition.restart != defaults.restart) {
        put(root, "restart", yaml::scalar(std::string(zone::restartName(definition.restart))));
    }
}

Node definitionNode(const Definition& definition) {
    const Definition defaults;
    Node root;
    put(root, "zone", textNode(definition.zone));
    if (!definition.description.empty()) {
        put(root, "description", textNode(definition.description));
    }
    put(root, "image", textNode(definition.image));
    if (definition.autoboot) {
        put(root, "autoboot", booleanNode(true));
    }
    putBootKeys(root, definition);
    if (definition.init.kind == zone::InitKind::custom) {
        put(root, "init", listNode(definition.init.argv));
    } else if (definition.init.kind != zone::InitKind::automatic) {
        put(root, "init", yaml::scalar(std::string(zone::initKindName(definition.init.kind))));
    }
    if (!definition.hostname.empty()) {
        put(root, "hostname", textNode(definition.hostname));
    }
    if (definition.network != defaults.network) {
        put(root, "network", listOf(definition.network, nicNode));
    }
    if (!definition.dns.empty()) {
        put(root, "dns", listNode(definition.dns));
    }
    if (!definition.group.empty()) {
        put(root, "group", textNode(definition.group));
    }
    if (definition.resources != defaults.resources) {
        put(root, "resources", resourcesNode(definition.resources));
    }
    if (!definition.mounts.empty()) {
        put(root, "mounts", listOf(definition.mounts, mountNode));
    }
    if (!definition.environment.empty()) {
        Node variables;
        for (const auto& [name, value] : definition.environment) {
            put(variables, name, textNode(value));
        }
        put(root, "environment", std::move(variables));
    }
    if (definition.stopTimeout != defaults.stopTimeout) {
        put(root, "stop-timeout", yaml::scalar(std::to_string(definition.stopTimeout.count()) + "s"));
    }
    if (definition.privileged) {
        put(root, "privileged", booleanNode(true));
    }
    if (!definition.admins.empty()) {
        put(root, "admins", listOf(definition.admins, adminNode));
    }
    return root;
}

} // namespace

std::string writeDefinition(const zone::Definition& definition) {
    return yaml::write(definitionNode(definition));
}

} // namespace zoned::store
