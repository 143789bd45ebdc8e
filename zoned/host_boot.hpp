// What zones do with the host: they are booted when it has come up and stopped
// before it goes down, in the order that their definitions give them, and booted
// again when they crash. The rules are in autoboot, host_shutdown and upkeep;
// here they meet the zones and the jobs.
//
// On a host with systemd, zones.service asks for both (org.zoned1.Manager);
// without it the service boots zones itself, at its first start since the host
// was booted. RUN/autoboot lists the zones that are still to be booted, so that
// a service that ends meanwhile goes on at its next start.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "autoboot.hpp"
#include "host.hpp"
#include "host_shutdown.hpp"
#include "jobs.hpp"
#include "lifecycle.hpp"
#include "registry.hpp"
#include "upkeep.hpp"

namespace zoned::daemon {

class HostBoot {
public:
    HostBoot(sys::EventLoop& loop, const Host& host, Registry& registry, Jobs& jobs, Lifecycle& lifecycle);

    /// Before zones are recovered.
    void load();
    /// After that.
    void begin();
    /// Boots the zones that have autoboot and do not run; returns the job. Throws Fault busy.
    std::uint32_t bootAll();
    /// Stops all zones, and whatever bootAll() has begun; returns the job. Throws Fault busy.
    std::uint32_t shutdownAll();
    /// Ends a zone's maintenance; one that is in none stays as it is. Throws Fault noSuchZone.
    void clearMaintenance(const std::string& name);

    /// Whether the zone crashed and waits to be booted again.
    [[nodiscard]] bool restarts(const zone::ZoneName& name) const { return upkeep_.restarts(name.str()); }
    /// Somebody stopped the zone's unit while it waited so.
    void unitStopped(const zone::ZoneName& name);

    /// To be told of the end of every job, and of zones that are gone.
    void jobEnded(const JobInfo& job, const JobEnd& end);
    void zoneRemoved(const zone::ZoneName& name) { upkeep_.forget(name.str()); }

private:
    [[nodiscard]] std::set<std::string> autobootNames() const;
    [[nodiscard]] std::optional<std::string> pendingNote() const;
    std::uint32_t startBoot(const std::set<std::string>& names);
    [[nodiscard]] std::vector<std::string> invalidZones() const;
    void endBoot();
    [[nodiscard]] std::vector<BootWish> bootWishes(std::set<std::string> names);
    [[nodiscard]] std::vector<StopWish> stopWishes();
    [[nodiscard]] bool isHeldUp(const Zone& zone) const;
    void bootChanged();
    void shutdownChanged();
    void notePending(const std::vector<std::string>& names);
    [[nodiscard]] Upkeep::Zones upkeepZones();

    const Host& host_;
    Registry& registry_;
    Jobs& jobs_;
    Lifecycle& lifecycle_;
    Upkeep upkeep_;
    Autoboot autoboot_;
    HostShutdown shutdown_;
    std::uint32_t bootJob_ = 0;        // 0: none
    std::vector<std::string> unknown_; // zones of which that job cannot tell whether they boot with the host
    std::uint32_t shutdownJob_ = 0;
    std::string noted_; // what RUN/autoboot says
};

} // namespace zoned::daemon
