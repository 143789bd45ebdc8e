// One zone as the service knows it, and what the bus shows of it.
//
// A zone's state is never stored as such: it follows from what is on disk (is
// there a definition, a root, an image?) and from what its supervisor says.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "platform/protocol.hpp"
#include "store/zone_storage.hpp"
#include "zone/definition.hpp"
#include "zone/zone_name.hpp"
#include "zone/zone_state.hpp"

namespace zoned::daemon {

/// Null where there is none. What a zone has and what it was booted with are the same one while nobody changes either.
using DefinitionRef = std::shared_ptr<const zone::Definition>;

struct Zone {
    explicit Zone(zone::ZoneName zoneName) : name(std::move(zoneName)) {}

    zone::ZoneName name;
    std::optional<std::string> text;         // the definition's file; nothing where there is none, or it is `unread`
    std::string unread;                      // why the file, which is there, cannot be read; "" where it can
    DefinitionRef definition;                // where the text makes a valid one
    std::string problem;                     // why it does not; may quote the definition
    std::string problemPlaces;               // the same for everybody: where, not what
    DefinitionRef booted;                    // what it was booted with last, and `set` since; see lifecycle_set.cpp
    std::optional<store::ZoneRecord> record; // what is on disk
    std::string unavailable;                 // why its root cannot be used; "" where it can
    std::optional<platform::Status> status;  // of the supervisor that is connected
    bool adopting = false;                   // it may be up from before our start; its supervisor is being asked
    bool cleaningUp = false;                 // the supervisor died, and its zone is being taken down
    std::string down;                        // why that failed; "" where it did not
    std::string maintenance;                 // why it is left alone; "" where it is not
    std::string readFrom;                    // which files that was; see Registry::current()
    std::string imageFrom;                   // the same of its image's; "" for a zone without a root
    std::uint64_t oomKills = 0;              // as OomWatch has heard, in the boot of
    pid_t oomKillsOf = 0;                    // this init
    std::int64_t since = 0;                  // when the state was entered, where no supervisor says it
};

/// What the properties of org.zoned1.Zone show, and what ListZones tells.
struct ZoneView {
    zone::State state = zone::State::configured;
    bool booted = false;
    std::string reason; // whole: everybody is told zone::publicReason() of it
    std::string problem;
    std::string maintenance; // the same
    std::string description;
    std::string image;
    bool autoboot = false;
    bool privileged = false;
    std::vector<std::pair<std::string, std::string>> addresses; // interface, "10.213.0.10/16"
    std::uint32_t initPid = 0;
    std::string initKind;
    std::uint64_t oomKills = 0;
    std::int64_t since = 0;
    std::uint32_t idBase = 0;
    std::string cgroup;
    std::string group;
    std::vector<std::string> changed; // keys of the definition that the zone, being up, does not have yet
    std::vector<std::pair<std::string, std::string>> limits; // in effect while it is up: "memory", "512M"
    std::uint32_t job = 0;                                   // 0: none
};

[[nodiscard]] zone::State stateOf(const Zone& zone);
/// All but the limits.
/// @param subnetPrefix of the managed network, for addresses that were assigned
[[nodiscard]] ZoneView viewOf(const Zone& zone, std::uint8_t subnetPrefix, std::uint32_t job);
/// Names of the properties that differ.
[[nodiscard]] std::vector<std::string> changedProperties(const ZoneView& before, const ZoneView& after);

} // namespace zoned::daemon
