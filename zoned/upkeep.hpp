// Keeping zones up: what crashed is booted again (restart: in its definition),
// and what crashes too often, or could not be booted with the host, is parked in
// maintenance until somebody looks.
//
// What must outlive this process stands in RUN/upkeep/NAME, and is gone with the
// host's next boot, as it should: that the zone ran when it was last seen (a
// zone may end while no service runs), the restarts it had, and why it is parked.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "jobs.hpp"
#include "sys/event_loop.hpp"
#include "zone/definition.hpp"

namespace zoned::daemon {

/// How a zone ended.
struct ZoneEnd {
    bool asked = false;      // somebody halted it or shut it down, or waits for it and is told
    bool fromInside = false; // it was powered off from inside
    std::string reason;
};

/// What is known of one zone.
struct UpkeepNote {
    bool up = false;                    // it runs, as far as we have seen
    bool pending = false;               // it is to be booted again
    std::vector<std::int64_t> restarts; // when it was, seconds of the host's uptime
    std::string maintenance;            // why it is parked; "" where it is not
    bool operator==(const UpkeepNote&) const = default;
};
[[nodiscard]] std::string noteText(const UpkeepNote& note);
/// Throws sys::Error for a text that is no note.
[[nodiscard]] UpkeepNote noteFrom(const std::string& text);

class Upkeep {
public:
    struct Zones {
        std::function<zone::Restart(const std::string& name)> policy;
        /// Begins a boot and returns its job. Throws std::exception.
        std::function<std::uint32_t(const std::string& name)> boot;
        /// The zone is parked, or no longer ("").
        std::function<void(const std::string& name, const std::string& why)> maintenance;
        std::function<std::int64_t()> uptime; // seconds
    };
    struct Limits {
        std::uint32_t restarts = 5;
        std::chrono::seconds window{600};
        std::chrono::microseconds firstPause{std::chrono::seconds(1)};
    };

    /// @param folder RUN/upkeep
    Upkeep(sys::EventLoop& loop, std::string folder, Zones zones, Limits limits);

    /// Reads the notes. What ends from now on is judged, but no zone is booted before begin().
    void load();
    void begin();
    /// Boots nothing, or does again: the host shuts down.
    void suspend(bool suspended);

    void running(const std::string& name);
    void ended(const std::string& name, const ZoneEnd& end);
    /// Somebody stops the zone: a restart that is to come does not.
    void stopAsked(const std::string& name);
    /// Whether a restart is to come.
    [[nodiscard]] bool restarts(const std::string& name) const;
    void forget(const std::string& name);
    /// To be told of the end of every job.
    void jobEnded(std::uint32_t job, const JobEnd& end);

    void park(const std::string& name, const std::string& why);
    /// False where it was not parked.
    bool clear(const std::string& name);
    [[nodiscard]] std::string maintenance(const std::string& name) const;

private:
    struct Entry {
        UpkeepNote note;
        UpkeepNote written;
        std::uint32_t job = 0; // of the boot that is under way
        sys::EventLoop::Source timer;
    };
    void crashed(const std::string& name, const std::string& reason);
    void schedule(const std::string& name);
    void restart(const std::string& name);
    void save(const std::string& name);
    void dropOld(UpkeepNote& note) const;

    sys::EventLoop& loop_;
    std::string folder_;
    Zones zones_;
    Limits limits_;
    std::map<std::string, Entry> entries_;
    bool begun_ = false;
    bool suspended_ = false;
};

} // namespace zoned::daemon
