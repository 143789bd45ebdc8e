// The connection that the service is called by: its name, the turnstile before it, and what it asks of systemd.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bus_connection.hpp"
#include "callers.hpp"
#include "turnstile.hpp"

namespace zoned::daemon {

class Bus {
public:
    /// Connects to the system bus (DBUS_SYSTEM_BUS_ADDRESS chooses another). Throws sys::Error.
    explicit Bus(sys::EventLoop& loop);

    [[nodiscard]] sdbus::IConnection& connection() noexcept { return *connection_; }
    [[nodiscard]] Callers& callers() noexcept { return callers_; }
    [[nodiscard]] Turnstile& turnstile() noexcept { return turnstile_; }
    /// Throws sys::Error where another service has it.
    void requestName(const std::string& name);

    /// Asks systemd to start a unit; `then` gets "" or what went wrong, when systemd is done with it.
    void startUnit(const std::string& unit, std::function<void(const std::string& problem)> then);
    /// Asks systemd to read its units again; `then` gets "" or what went wrong.
    void reloadUnits(std::function<void(const std::string& problem)> then);
    /// A unit that failed is not shown as failed any more.
    void resetFailedUnit(const std::string& unit);
    void killUnit(const std::string& unit, int signal);
    /// Stops a unit and takes back its start, where that is still queued.
    void stopUnit(const std::string& unit);
    /// Jobs of systemd's, a start as well as a stop, also one that finds nothing to do, such as the stop of a unit that
    /// is not active. Each is known by its object.
    struct UnitJobs {
        std::function<void(const std::string& job, const std::string& unit)> began;
        /// @param good it is done, and was not asked for here
        std::function<void(const std::string& job, const std::string& unit, bool good)> ended;
    };
    void watchUnitJobs(UnitJobs jobs);
    /// `then` gets the unit's ActiveState, "inactive"; "" where systemd does not say.
    void askUnitState(const std::string& unit, std::function<void(const std::string& state)> then);

private:
    static int judge(sd_bus_message* message, void* self, sd_bus_error* error) noexcept;
    [[nodiscard]] bool letIn(sd_bus_message* message);
    sdbus::IProxy& systemd();
    void unitJobEnded(const std::string& job, const std::string& unit, const std::string& result);

    Callers callers_;
    Turnstile turnstile_;
    BusConnection connection_;
    std::unique_ptr<sdbus::IProxy> systemd_;
    std::map<std::string, std::function<void(const std::string&)>> asked_; // for, by systemd's job
    UnitJobs unitJobs_;
};

} // namespace zoned::daemon
