// What the service tells of its own accord, in the order in which it happened: for `zonectl events` and `wait`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace zoned::ctl {

struct News {
    enum class Kind {
        zoneChanged,  // name, and of state, booted, reason and oomKills those that changed
        zoneAdded,    // name, state
        zoneRemoved,  // name
        imageAdded,   // name
        imageRemoved, // name
        jobBegan,     // name (of the zone or image), job, jobKind
        jobEnded,     // the same, result, error, message
        serviceGone,
        serviceThere, // what was told before it went may be out of date
    };

    Kind kind = Kind::serviceThere;
    std::chrono::system_clock::time_point time; // when it was heard
    std::string name;
    std::optional<std::string> state, reason;
    std::optional<bool> booted;
    std::optional<std::uint64_t> oomKills;
    std::uint32_t job = 0;
    std::string jobKind, result, error, message;
};

} // namespace zoned::ctl
