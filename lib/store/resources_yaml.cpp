#include "store/resources_yaml.hpp"

#include <array>
#include <charconv>
#include <limits>

namespace zoned::store {

namespace {

using yaml::Field;
using yaml::Node;
using yaml::Reader;
using zone::IoLimit;
using zone::Resources;
using Path = const std::string&;

template <auto member>
void readSize(Reader& reader, const Node& node, Path path, Resources& resources) {
    resources.*member = reader.size(node, path);
}

template <auto member>
void readCount(Reader& reader, const Node& node, Path path, Resources& resources) {
    // a number that cannot be read is a problem already; 1 makes no second one of it
    const auto count = reader.count(node, path, std::numeric_limits<std::uint32_t>::max());
    resources.*member = static_cast<std::uint32_t>(count.value_or(1));
}

template <auto member>
void readOperations(Reader& reader, const Node& node, Path path, IoLimit& limit) {
    limit.*member = reader.count(node, path, std::numeric_limits<std::uint64_t>::max());
}

template <auto member>
void readBytes(Reader& reader, const Node& node, Path path, IoLimit& limit) {
    limit.*member = reader.size(node, path);
}

constexpr std::array ioFields{
    Field<IoLimit>{"device", [](Reader& reader, const Node& node, Path path,
                                IoLimit& limit) { limit.device = reader.text(node, path).value_or(""); }},
    Field<IoLimit>{"read", readBytes<&IoLimit::read>},
    Field<IoLimit>{"write", readBytes<&IoLimit::write>},
    Field<IoLimit>{"read-iops", readOperations<&IoLimit::readIops>},
    Field<IoLimit>{"write-iops", readOperations<&IoLimit::writeIops>},
};

void readCpuSet(Reader& reader, const Node& node, Path path, Resources& resources) {
    const auto text = reader.text(node, path);
    resources.cpuSet = text ? zone::parseCpuSet(*text) : std::nullopt;
    if (text && !resources.cpuSet) {
        reader.problem(node, path, yaml::describe(node) + " is no set of processors; write it such as 0-3,6");
    }
}

void readIo(Reader& reader, const Node& node, Path path, Resources& resources) {
    reader.eachItem(node, path, [&](const Node& item, Path itemPath) {
        yaml::readFields<IoLimit>(reader, item, itemPath, ioFields, resources.io.emplace_back());
        if (item.kind == Node::Kind::map && item.find("device") == nullptr) {
            reader.problem(item, itemPath + ".device", "the key is missing");
        }
    });
}

constexpr std::array resourceFields{
    Field<Resources>{"cpus", [](Reader& reader, const Node& node, Path path,
                                Resources& resources) { resources.cpus = reader.decimal(node, path); }},
    Field<Resources>{"cpu-weight", readCount<&Resources::cpuWeight>},
    Field<Resources>{"cpu-set", readCpuSet},
    Field<Resources>{"memory", readSize<&Resources::memory>},
    Field<Resources>{"memory-high", readSize<&Resources::memoryHigh>},
    Field<Resources>{"swap", readSize<&Resources::swap>},
    Field<Resources>{"processes", readCount<&Resources::processes>},
    Field<Resources>{"io-weight", readCount<&Resources::ioWeight>},
    Field<Resources>{"io", readIo},
    Field<Resources>{"optional",
                     [](Reader& reader, const Node& node, Path path, Resources& resources) {
                         resources.optional = reader.boolean(node, path).value_or(false);
                     }},
};

void put(Node& map, std::string_view key, std::string value) {
    map.kind = Node::Kind::map;
    map.entries.push_back({std::string(key), 0, yaml::scalar(std::move(value))});
}

std::string decimalText(double value) {
    std::array<char, 400> buffer{}; // the largest double has 309 digits before the point
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed).ptr;
    return {buffer.data(), end};
}

void putSize(Node& map, std::string_view key, const std::optional<std::uint64_t>& bytes) {
    if (bytes) {
        put(map, key, yaml::sizeText(*bytes));
    }
}

template <typename Number>
void putNumber(Node& map, std::string_view key, const std::optional<Number>& number) {
    if (number) {
        put(map, key, std::to_string(*number));
    }
}

Node ioNode(const std::vector<IoLimit>& limits) {
    Node list;
    list.kind = Node::Kind::list;
    for (const IoLimit& limit : limits) {
        Node map;
        map.kind = Node::Kind::map;
        map.entries.push_back({"device", 0, yaml::scalar(limit.device, limit.device.empty())});
        putSize(map, "read", limit.read);
        putSize(map, "write", limit.write);
        putNumber(map, "read-iops", limit.readIops);
        putNumber(map, "write-iops", limit.writeIops);
        list.items.push_back(std::move(map));
    }
    return list;
}

} // namespace

void readResources(Reader& reader, const Node& node, const std::string& path, Resources& resources) {
    yaml::readFields<Resources>(reader, node, path, resourceFields, resources);
}

Node resourcesNode(const Resources& resources) {
    Node map;
    if (resources.cpus) {
        put(map, "cpus", decimalText(*resources.cpus));
    }
    putNumber(map, "cpu-weight", resources.cpuWeight);
    if (resources.cpuSet) {
        put(map, "cpu-set", resources.cpuSet->str());
    }
    putSize(map, "memory", resources.memory);
    putSize(map, "memory-high", resources.memoryHigh);
    putSize(map, "swap", resources.swap);
    putNumber(map, "processes", resources.processes);
    putNumber(map, "io-weight", resources.ioWeight);
    if (!resources.io.empty()) {
        map.kind = Node::Kind::map;
        map.entries.push_back({"io", 0, ioNode(resources.io)});
    }
    if (resources.optional) {
        put(map, "optional", "true");
    }
    return map;
}

std::vector<std::string> resourceKeysRead() {
    std::vector<std::string> keys;
    for (const auto& field : resourceFields) {
        keys.emplace_back(field.key);
    }
    for (const auto& field : ioFields) {
        keys.push_back("io[]." + std::string(field.key));
    }
    return keys;
}

} // namespace zoned::store
