#include "store/settings.hpp"

#include <algorithm>
#include <array>

#include "store/resources_yaml.hpp"
#include "store/yaml_reader.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "zone/validate_resources.hpp"

namespace zoned::store {

namespace {

using yaml::Field;
using yaml::Node;
using yaml::Reader;
using Path = const std::string&;

constexpr std::uint32_t blockSize = 65536;
constexpr std::uint64_t minImageBytes = 1ULL << 20;

/// Letters, digits and `more`, starting with a letter or '_'.
bool isWord(std::string_view text, std::string_view more) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    return !text.empty() && text.size() <= 64 && letter(text.front()) &&
           std::all_of(text.begin(), text.end(), [&](char c) {
               return letter(c) || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos;
           });
}

void readBridge(Reader& reader, const Node& node, Path path, Settings::Network& network) {
    const auto name = reader.text(node, path);
    if (const auto why = name ? zone::interfaceNameProblem(*name) : std::nullopt) {
        reader.problem(node, path, *why);
    }
    network.bridge = name.value_or("");
}

void readAddress(Reader& reader, const Node& node, Path path, Settings::Network& network) {
    const auto address = reader.network(node, path);
    if (!address) {
        return;
    }
    const std::uint32_t host = address->address & ~address->mask();
    const std::uint32_t first = address->address >> 24;
    if (address->prefix < 8 || address->prefix > 29) {
        reader.problem(node, path, "the prefix of the managed network is 8 to 29");
    } else if (host == 0 || host == ~address->mask() || first == 0 || first == 127 || first >= 224) {
        reader.problem(node, path, zone::ipv4Text(address->address) + " cannot be the address of a host");
    }
    network.address = *address;
}

/// The kernel walks the list of them at new ones (nf_conncount.c): it must not become long.
void readConnections(Reader& reader, const Node& node, Path path, Settings::Network& network) {
    constexpr std::uint64_t most = 1'000'000;
    const std::uint64_t connections = reader.count(node, path, most).value_or(network.connections);
    if (connections == 0) {
        reader.problem(node, path, "a zone without connections is one whose network is an empty list");
    }
    network.connections = static_cast<std::uint32_t>(connections);
}

constexpr std::array networkFields{
    Field<Settings::Network>{"bridge", readBridge},
    Field<Settings::Network>{"address", readAddress},
    Field<Settings::Network>{"masquerade",
                             [](Reader& reader, const Node& node, Path path, Settings::Network& network) {
                                 network.masquerade = reader.boolean(node, path).value_or(true);
                             }},
    Field<Settings::Network>{"connections", readConnections},
};

void readId(Reader& reader, const Node& node, Path path, std::uint32_t& id) {
    // The last id, 2^32-1, is the kernel's "no id".
    id = static_cast<std::uint32_t>(reader.count(node, path, 0xFFFFFFFE).value_or(id));
}

constexpr std::array idFields{
    Field<Settings::Ids>{"first", [](Reader& reader, const Node& node, Path path,
                                     Settings::Ids& ids) { readId(reader, node, path, ids.first); }},
    Field<Settings::Ids>{"last", [](Reader& reader, const Node& node, Path path,
                                    Settings::Ids& ids) { readId(reader, node, path, ids.last); }},
};

void readMirror(Reader& reader, const Node& node, Path path, Settings::ImageBuild& build) {
    const auto url = reader.text(node, path);
    if (!url) {
        return;
    }
    const bool web = url->rfind("http://", 0) == 0 || url->rfind("https://", 0) == 0;
    if (!url->empty() && (!web || url->find_first_of(" \"'\\") != std::string::npos || url->size() > 1024)) {
        reader.problem(node, path, "is the http or https address of a mirror of Debian, or \"\" for the usual one");
    }
    build.mirror = *url;
}

constexpr std::array buildFields{Field<Settings::ImageBuild>{"mirror", readMirror}};

constexpr std::array imageFields{
    Field<Settings::ImageBuild>{"max-bytes",
                                [](Reader& reader, const Node& node, Path path, Settings::ImageBuild& images) {
                                    images.maxBytes = reader.size(node, path).value_or(images.maxBytes);
                                    if (images.maxBytes < minImageBytes) {
                                        reader.problem(node, path, "is 1M or more");
                                    }
                                }},
    Field<Settings::ImageBuild>{"max-entries",
                                [](Reader& reader, const Node& node, Path path, Settings::ImageBuild& images) {
                                    images.maxEntries =
                                        reader.count(node, path, 1'000'000'000).value_or(images.maxEntries);
                                    if (images.maxEntries == 0) {
                                        reader.problem(node, path, "is 1 or more");
                                    }
                                }},
};

void readSpan(Reader& reader, const Node& node, Path path, std::chrono::seconds& span) {
    span = reader.duration(node, path).value_or(span);
    if (span < std::chrono::seconds(1) || span > std::chrono::hours(24)) {
        reader.problem(node, path, "is 1s to 24h");
    }
}

constexpr std::array bootFields{
    Field<Settings::Boot>{"parallel",
                          [](Reader& reader, const Node& node, Path path, Settings::Boot& boot) {
                              boot.parallel = static_cast<std::uint32_t>(reader.count(node, path, 1024).value_or(0));
                          }},
    Field<Settings::Boot>{"ready-timeout",
                          [](Reader& reader, const Node& node, Path path, Settings::Boot& boot) {
                              readSpan(reader, node, path, boot.readyTimeout);
                          }},
    Field<Settings::Boot>{"shutdown-timeout",
                          [](Reader& reader, const Node& node, Path path, Settings::Boot& boot) {
                              readSpan(reader, node, path, boot.shutdownTimeout);
                              if (boot.shutdownTimeout > std::chrono::hours(1)) {
                                  reader.problem(node, path, "is at most 1h"); // zones.service gives it a little more
                              }
                          }},
    Field<Settings::Boot>{"restart-limit",
                          [](Reader& reader, const Node& node, Path path, Settings::Boot& boot) {
                              boot.restartLimit =
                                  static_cast<std::uint32_t>(reader.count(node, path, 1000).value_or(0));
                          }},
    Field<Settings::Boot>{"restart-window",
                          [](Reader& reader, const Node& node, Path path, Settings::Boot& boot) {
                              readSpan(reader, node, path, boot.restartWindow);
                          }},
};

void readIds(Reader& reader, const Node& node, Path path, Settings& settings) {
    yaml::readFields<Settings::Ids>(reader, node, path, idFields, settings.ids);
    const auto [first, last] = settings.ids;
    if (first % blockSize != 0 || first == 0) {
        reader.problem(node, path + ".first", "is a multiple of 65536, and not 0");
    } else if (last < first || last - first < blockSize - 1) {
        reader.problem(node, path + ".last", "leaves no room: a zone takes 65536 ids from ids.first on");
    }
}

void readCgroup(Reader& reader, const Node& node, Path path, Settings& settings) {
    settings.cgroup = reader.text(node, path).value_or("");
    if (!isWord(settings.cgroup, "-.")) {
        reader.problem(node, path, "is one folder's name: letters, digits, '_', '-' and '.', a letter first");
    }
}

void readTable(Reader& reader, const Node& node, Path path, Settings& settings) {
    settings.nftTable = reader.text(node, path).value_or("");
    if (!isWord(settings.nftTable, "")) {
        reader.problem(node, path, "is the name of an nftables table: letters, digits and '_', a letter first");
    }
}

/// The line of a key that was read, or of the nearest thing around it.
int nearestLine(const Reader& reader, std::string key, int fallback) {
    while (!key.empty()) {
        if (const auto found = reader.lines().find(key); found != reader.lines().end()) {
            return found->second;
        }
        const std::size_t cut = key.find_last_of(".[");
        key.resize(cut == std::string::npos ? 0 : cut);
    }
    return fallback;
}

/// Ranges are judged here; what the host lacks, when a zone of the group is booted: a disk that is gone must not
/// keep the whole service from starting.
void readGroups(Reader& reader, const Node& node, Path path, Settings& settings) {
    if (!reader.isMap(node, path)) {
        return;
    }
    for (const yaml::Entry& entry : node.entries) {
        if (const std::string why = zone::groupNameProblem(entry.key); !why.empty()) {
            reader.problemAt(entry.line, path, why);
            continue;
        }
        const std::string groupPath = path + "." + entry.key;
        reader.noteLine(groupPath, entry.line);
        zone::Resources& resources = settings.groups[entry.key];
        if (entry.value.kind == Node::Kind::null) {
            continue; // a group without limits yet
        }
        readResources(reader, entry.value, groupPath, resources);
        for (const zone::Finding& finding : zone::validateResources(resources, {})) {
            const std::string key = groupPath + "." + finding.key;
            reader.problemAt(nearestLine(reader, key, entry.line), key, finding.text);
        }
    }
}

void readLogLevel(Reader& reader, const Node& node, Path path, Settings& settings) {
    const std::vector<std::string> levels{"trace", "debug", "info", "warn", "error"};
    settings.logLevel = reader.text(node, path).value_or("");
    if (std::find(levels.begin(), levels.end(), settings.logLevel) == levels.end()) {
        reader.problem(node, path,
                       yaml::describe(node) + " is none of trace, debug, info, warn, error" +
                           zone::suggestion(settings.logLevel, levels));
    }
}

constexpr std::array settingsFields{
    Field<Settings>{"network",
                    [](Reader& reader, const Node& node, Path path, Settings& settings) {
                        yaml::readFields<Settings::Network>(reader, node, path, networkFields, settings.network);
                    }},
    Field<Settings>{"cgroup", readCgroup},
    Field<Settings>{"nft-table", readTable},
    Field<Settings>{"ids", readIds},
    Field<Settings>{"image-build",
                    [](Reader& reader, const Node& node, Path path, Settings& settings) {
                        yaml::readFields<Settings::ImageBuild>(reader, node, path, buildFields, settings.images);
                    }},
    Field<Settings>{"images",
                    [](Reader& reader, const Node& node, Path path, Settings& settings) {
                        yaml::readFields<Settings::ImageBuild>(reader, node, path, imageFields, settings.images);
                    }},
    Field<Settings>{"groups", readGroups},
    Field<Settings>{"boot",
                    [](Reader& reader, const Node& node, Path path, Settings& settings) {
                        yaml::readFields<Settings::Boot>(reader, node, path, bootFields, settings.boot);
                    }},
    Field<Settings>{"machined",
                    [](Reader& reader, const Node& node, Path path, Settings& settings) {
                        settings.machined = reader.boolean(node, path).value_or(true);
                    }},
    Field<Settings>{"console-journal",
                    [](Reader& reader, const Node& node, Path path, Settings& settings) {
                        settings.consoleJournal = reader.boolean(node, path).value_or(true);
                    }},
    Field<Settings>{"log-level", readLogLevel},
};

} // namespace

Settings parseSettings(const std::string& text, const std::string& origin) {
    const Node root = yaml::parse(text, origin);
    Settings settings;
    if (root.kind == Node::Kind::null) { // nothing but comments: the defaults
        return settings;
    }
    Reader reader(origin);
    yaml::readFields<Settings>(reader, root, "", settingsFields, settings);
    reader.finish();
    return settings;
}

Settings readSettings(const std::string& path) {
    std::optional<std::string> text;
    try {
        text = sys::readFile(path, yaml::maxBytes);
    } catch (const sys::Error& fault) {
        if (fault.code() != EFBIG) {
            throw;
        }
        throw zone::DefinitionFault({{path, 0, "", "is larger than 64 KiB"}});
    }
    return text ? parseSettings(*text, path) : Settings{};
}

Paths::Paths(std::string root) {
    while (!root.empty() && root.back() == '/') {
        root.pop_back();
    }
    settings = root + "/etc/zoned/zoned.yaml";
    definitions = root + "/etc/zoned/zones";
    images = root + "/var/lib/zoned/images";
    zones = root + "/var/lib/zoned/zones";
    logs = root + "/var/log/zoned";
    run = root + "/run/zoned";
    runZones = run + "/zones";
    journal = root + "/run/systemd/journal/socket";
}

std::vector<std::string> Paths::ownFolders() const {
    const auto above = [](const std::string& path) { return path.substr(0, path.rfind('/')); };
    return {above(settings), above(images), run, logs};
}

} // namespace zoned::store
