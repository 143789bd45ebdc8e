// From a definition to what a supervisor is told: every name resolved, every
// default filled in, every limit checked against the host. Pure: what the host
// is like comes as facts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/boot_spec.hpp"
#include "resource_limits.hpp"
#include "store/zone_storage.hpp"
#include "zone/definition.hpp"

namespace zoned::daemon {

struct BootFacts {
    std::vector<std::string> controllers; // that a cgroup of the host can have: "cpu", "memory", …
    std::vector<std::string> nameservers; // for a zone that names none
    zone::Ipv4Network bridgeAddress;      // of the managed network
    std::string bridge;
    std::string nftTable;
    std::string image; // host path of the image's root
    std::string layer;
    std::string seccompProgram;
    std::uint64_t capabilities = 0;
    std::vector<std::string> initArgs;
    DiskNumber diskNumber;
};

struct BuiltSpec {
    platform::BootSpec spec;
    std::vector<std::string> warnings; // what was left out because the definition allows it
};

/// True where a zone that reaches other networks is told no name server: its definition names none, and the host has
/// none that a zone can reach.
[[nodiscard]] bool lacksNameservers(const zone::Definition& definition, const std::vector<std::string>& ofHost);
constexpr std::string_view noNameservers =
    "dns: the zone has no name servers: those of the host's /etc/resolv.conf, if it has any, are on the host's own "
    "loopback, where no zone reaches them; name some with the key dns";

/// The limits of a zone as its payload gets them. Throws Fault limitUnavailable.
[[nodiscard]] std::vector<platform::Limit> buildLimits(const zone::Definition& definition, const BootFacts& facts,
                                                       std::vector<std::string>& warnings);

/// All but the names of the host's ends of interfaces, which are by chance. Throws Fault limitUnavailable. Whether the
/// mounts' sources are there the supervisor finds out, who may wait for a file server: it holds up its own zone alone.
[[nodiscard]] BuiltSpec buildBootSpec(const zone::Definition& definition, const store::ZoneRecord& record,
                                      const BootFacts& facts);

/// Gives every managed interface without an address of its own the lowest free one, keeping what it has. Interfaces
/// that are gone lose theirs. Returns true where the record changed. Throws Fault failed where the subnet is full.
bool assignAddresses(const zone::Definition& definition, store::ZoneRecord& record, const zone::Ipv4Network& bridge,
                     const std::vector<std::pair<std::uint32_t, std::string>>& taken);

/// A locally administered unicast address that is always the same for the same key: "02:…".
[[nodiscard]] std::string stableMac(std::string_view key);

} // namespace zoned::daemon
