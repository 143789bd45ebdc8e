// Starting a zone's supervisor: the one thing that differs between a host whose
// PID 1 is systemd and one without.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "bus.hpp"
#include "host.hpp"
#include "sys/event_loop.hpp"
#include "zone/definition.hpp"
#include "zone/fault.hpp"
#include "zone/zone_name.hpp"

namespace zoned::daemon {

class Launcher {
public:
    /// `then` gets nothing once the socket may be connected to, else what went wrong; never called within start().
    using Started = std::function<void(const std::optional<zone::Fault>&)>;
    /// The supervisor has ended, with the status as waitpid(2) gives it; only from a back end that can know.
    using Exited = std::function<void(int status)>;

    virtual ~Launcher() = default;
    virtual void start(const zone::ZoneName& name, Started then, Exited exited) = 0;
    /// Starts a unit of the host, where it is not active; `then` gets "" or what went wrong, also that it
    /// took longer than 5 minutes; never called within startHostUnit().
    virtual void startHostUnit(const std::string& unit, std::function<void(const std::string& problem)> then) = 0;
    /// Kills a supervisor that does not answer, or has not been started yet: its start is taken back.
    virtual void kill(const zone::ZoneName& name) = 0;
    /// The zone's cgroup, absolute: where it is, else where it will be.
    [[nodiscard]] virtual std::string cgroup(const zone::ZoneName& name) const = 0;
    /// Whether a supervisor that is started now is put into another cgroup than the zone is in.
    [[nodiscard]] virtual bool hasMoved(const zone::ZoneName& name) const = 0;
    /// The zone's definition changed, or is gone: whoever starts its supervisor beside us must find it right.
    virtual void prepare(const zone::ZoneName& name) = 0;
    /// The zone is gone: nothing of it may be shown as failed.
    virtual void forget(const zone::ZoneName& name) = 0;
    /// Takes away what was made for the zone's cgroup, where that is ours.
    virtual void removeCgroup(const zone::ZoneName& name) = 0;
    /// For stops of a zone's unit while no supervisor runs in it, of which nobody else tells.
    struct Stops {
        /// Whether it is of interest: the zone waits to be restarted.
        std::function<bool(const zone::ZoneName&)> waits;
        /// Whether somebody else may be stopping it just now who is not to be obeyed: systemd-machined does so with the
        /// unit of a machine that has ended.
        std::function<bool(const zone::ZoneName&)> tidied;
        std::function<void(const zone::ZoneName&)> stopped;
    };
    virtual void watchStops(Stops stops) = 0;
    /// True where the cgroup is ours to remove after the supervisor.
    [[nodiscard]] virtual bool ownsCgroup() const = 0;

protected:
    Launcher() = default;
};

/// Supervisors are our children, each in a session of its own. They outlive us: what ends with this process is only
/// that somebody waits for them.
/// `groupOf` tells the group of a zone's definition, "" for none.
using GroupOf = std::function<std::string(const zone::ZoneName&)>;
/// What the zone's definition gives it; nothing where that cannot be used.
using ResourcesOf = std::function<zone::Resources(const zone::ZoneName&)>;
[[nodiscard]] std::unique_ptr<Launcher> directLauncher(sys::EventLoop& loop, const Host& host, GroupOf groupOf);
/// Supervisors are units, zone@NAME.service: not our children, not in our cgroup, not under our confinement.
[[nodiscard]] std::unique_ptr<Launcher> systemdLauncher(sys::EventLoop& loop, const Host& host, Bus& bus,
                                                        GroupOf groupOf, ResourcesOf resourcesOf);

/// The supervisor's command line; `cleanUp` makes it take down what is left of the zone, and end.
[[nodiscard]] std::vector<std::string> supervisorCommand(const Host& host, const zone::ZoneName& name,
                                                         const std::string& cgroup, bool cleanUp);

} // namespace zoned::daemon
