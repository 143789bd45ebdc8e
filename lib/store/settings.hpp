// The service's own settings, /etc/zoned/zoned.yaml; every key has a default.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "zone/definition.hpp"

namespace zoned::store {

struct Settings {
    struct Network {
        std::string bridge = "zones0";
        zone::Ipv4Network address{0x0AD50001, 16}; // 10.213.0.1/16: the bridge's own
        bool masquerade = true;
        std::uint32_t connections = 16384; // of one address of a zone that the host tracks
    } network;
    std::string cgroup = "zones.slice"; // the folder below the cgroup v2 root where no systemd runs
    std::string nftTable = "zoned";     // the name of our tables (families inet and bridge)
    struct Ids {
        std::uint32_t first = 524288; // 65,536-aligned; systemd's UIDS-GIDS: the container range
        std::uint32_t last = 1879048191;
    } ids;
    struct ImageBuild {
        std::string mirror;                   // "" lets mmdebstrap choose
        std::uint64_t maxBytes = 64ULL << 30; // an image's largest unpacked size
        std::uint64_t maxEntries = 4'000'000; // and number of files
    } images;
    /// Limits that the zones of a group share, by the group's name.
    std::map<std::string, zone::Resources> groups;
    struct Boot {
        std::uint32_t parallel = 0;               // zones booted at once with the host; 0: one a processor
        std::chrono::seconds readyTimeout{300};   // one that is not ready by then is halted, and tried again
        std::chrono::seconds shutdownTimeout{90}; // of all zones together, with the host
        std::uint32_t restartLimit = 5;           // a zone is restarted at most so often ...
        std::chrono::seconds restartWindow{600};  // ... within this time
    } boot;
    bool machined = true;          // running zones are registered with systemd-machined
    bool consoleJournal = true;    // what zones write to their consoles goes to the journal too
    std::string logLevel = "info"; // trace debug info warn error
};

/// Throws zone::DefinitionFault with file, line and key. An absent file means the defaults.
[[nodiscard]] Settings readSettings(const std::string& path);
/// From text; `origin` names it in complaints.
[[nodiscard]] Settings parseSettings(const std::string& text, const std::string& origin);

/// Where everything lies. `root` is "" on a host and a scratch folder in tests.
struct Paths {
    explicit Paths(std::string root = "");
    std::string settings;    // ROOT/etc/zoned/zoned.yaml
    std::string definitions; // ROOT/etc/zoned/zones
    std::string images;      // ROOT/var/lib/zoned/images
    std::string zones;       // ROOT/var/lib/zoned/zones
    std::string logs;        // ROOT/var/log/zoned
    std::string run;         // ROOT/run/zoned
    std::string runZones;    // ROOT/run/zoned/zones
    std::string journal;     // ROOT/run/systemd/journal/socket: journald's, not ours

    /// All that is the zone manager's own: ROOT/etc/zoned, ROOT/var/lib/zoned, ROOT/run/zoned, ROOT/var/log/zoned.
    [[nodiscard]] std::vector<std::string> ownFolders() const;
};

} // namespace zoned::store
