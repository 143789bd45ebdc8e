// A zone's definition: what an administrator wrote, parsed. Plain data.
//
// The keys, their types, ranges, defaults and whether they change a running
// zone stand in schema.hpp; the rules between keys in validate.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "zone/admin.hpp"
#include "zone/cpu_set.hpp"

namespace zoned::zone {

/// An IPv4 address with its prefix length, host byte order.
struct Ipv4Network {
    std::uint32_t address = 0;
    std::uint8_t prefix = 0; // 0..32

    [[nodiscard]] std::uint32_t mask() const noexcept { return prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix); }
    [[nodiscard]] bool contains(std::uint32_t other) const noexcept { return (address & mask()) == (other & mask()); }
    /// "10.213.0.10/16"
    [[nodiscard]] std::string str() const;
    bool operator==(const Ipv4Network&) const = default;
};

/// "10.213.0.1" to host byte order; nothing where it is no dotted quad.
[[nodiscard]] std::optional<std::uint32_t> parseIpv4(const std::string& text);
[[nodiscard]] std::optional<Ipv4Network> parseIpv4Network(const std::string& text);
[[nodiscard]] std::string ipv4Text(std::uint32_t address);

enum class InitKind { automatic, systemd, sysvinit, openrc, busybox, custom };
/// "auto", "systemd", …
[[nodiscard]] std::string_view initKindName(InitKind kind) noexcept;
/// Whether such an init says when the zone's start is complete.
[[nodiscard]] bool tellsReadiness(std::string_view initKind) noexcept;

struct Init {
    InitKind kind = InitKind::automatic;
    std::vector<std::string> argv; // custom only: the program inside the zone and its arguments
    bool operator==(const Init&) const = default;
};

struct Nic {
    std::string name = "eth0";          // inside the zone; at most 15 bytes
    std::optional<std::string> bridge;  // the administrator's own bridge; else the managed network
    std::optional<Ipv4Network> address; // else assigned once and kept (managed network only)
    std::optional<std::uint32_t> gateway;
    bool operator==(const Nic&) const = default;
};

/// Rates of one disk, a second.
struct IoLimit {
    std::string device;                     // a block device's path, or "disk": the one under the zone's storage
    std::optional<std::uint64_t> read;      // bytes
    std::optional<std::uint64_t> write;     // bytes
    std::optional<std::uint64_t> readIops;  // operations
    std::optional<std::uint64_t> writeIops; // operations
    bool operator==(const IoLimit&) const = default;
};

/// Limits of a zone, or of a group of zones.
struct Resources {
    std::optional<double> cpus;              // processors' worth of time, 0.01..
    std::optional<std::uint32_t> cpuWeight;  // 1..10000
    std::optional<CpuSet> cpuSet;            // processors that may be used
    std::optional<std::uint64_t> memory;     // bytes
    std::optional<std::uint64_t> memoryHigh; // bytes
    std::optional<std::uint64_t> swap;       // bytes
    std::optional<std::uint32_t> processes;  // tasks
    std::optional<std::uint32_t> ioWeight;   // 1..10000
    std::vector<IoLimit> io;
    bool optional = false; // a missing controller is a warning, not an error
    bool operator==(const Resources&) const = default;
};

struct Mount {
    std::string source; // on the host, absolute
    std::string target; // in the zone, absolute
    bool readOnly = false;
    bool operator==(const Mount&) const = default;
};

/// Of stop-timeout, and of a shutdown that has a timeout of its own.
constexpr std::chrono::seconds maxStopTimeout = std::chrono::hours(1);

/// How a zone is stopped when the host shuts down.
enum class HostShutdown { shutdown, halt };
/// Whether a zone that ended by itself is booted again.
enum class Restart { no, onFailure, always };
/// As written: "shutdown", "halt"; "no", "on-failure", "always".
[[nodiscard]] std::string_view hostShutdownName(HostShutdown how) noexcept;
[[nodiscard]] std::string_view restartName(Restart when) noexcept;

struct Definition {
    std::string zone; // checked to be a ZoneName
    std::string description;
    std::string image;
    bool autoboot = false;
    std::uint32_t bootPriority = 100;      // the higher, the earlier
    std::vector<std::string> after;        // zones that are waited for
    std::vector<std::string> needs;        // the key "requires" (a word of C++): zones that must be there
    std::vector<std::string> hostRequires; // units of the host's systemd
    std::uint32_t bootRetries = 2;
    HostShutdown hostShutdown = HostShutdown::shutdown;
    Restart restart = Restart::no;
    Init init;
    std::string hostname;            // empty: the zone's name
    std::vector<Nic> network{Nic{}}; // the default: one interface on the managed network
    std::vector<std::string> dns;
    std::string group; // of zoned.yaml; empty: none
    Resources resources;
    std::vector<Mount> mounts;
    std::map<std::string, std::string> environment;
    std::chrono::seconds stopTimeout{90};
    bool privileged = false;
    std::vector<Admin> admins; // who else may do what to it
    bool operator==(const Definition&) const = default;
};

/// Whether it holds what only those may write who are trusted with the host: a zone that is root there, one that sees
/// its files, starts its units or is on one of its bridges (where nothing keeps it from taking others' addresses), and
/// the list of those who may enter the zone.
[[nodiscard]] bool givesPrivilege(const Definition& definition);
/// Which keys those are: "mounts", "network[0].bridge".
[[nodiscard]] std::vector<std::string> privilegeKeys(const Definition& definition);
/// The same of one key, as a dotted path: "mounts[0].source". A key may hold more than its name tells ("network", with
/// a bridge in it): the definition that comes of it has the last word.
[[nodiscard]] bool keyGivesPrivilege(std::string_view path) noexcept;

} // namespace zoned::zone
