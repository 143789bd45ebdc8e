// Our connection to the bus, as one more source of the event loop.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/bus_compat.hpp"
#include "sys/event_loop.hpp"

namespace zoned::daemon {

class Bus {
public:
    /// Connects to the system bus (DBUS_SYSTEM_BUS_ADDRESS chooses another). Throws sys::Error.
    explicit Bus(sys::EventLoop& loop);

    [[nodiscard]] sdbus::IConnection& connection() noexcept { return *connection_; }
    /// Throws sys::Error where another service has it.
    void requestName(const std::string& name);

    /// All groups of the process that made a connection, as the kernel told the bus when it was made; empty where they
    /// are not known. A question to the bus itself, as that for the sender's user is: it is answered at once.
    [[nodiscard]] std::vector<gid_t> groupsOf(const std::string& connectionName);

    /// Asks systemd to start a unit; `then` gets "" or what went wrong, when systemd is done with it.
    void startUnit(const std::string& unit, std::function<void(const std::string& problem)> then);
    /// Asks systemd to read its units again; `then` gets "" or what went wrong.
    void reloadUnits(std::function<void(const std::string& problem)> then);
    /// A unit that failed is not shown as failed any more.
    void resetFailedUnit(const std::string& unit);
    void killUnit(const std::string& unit, int signal);
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
    [[nodiscard]] std::chrono::microseconds work();
    sdbus::IProxy& systemd();
    void unitJobEnded(const std::string& job, const std::string& unit, const std::string& result);

    sys::EventLoop& loop_;
    std::unique_ptr<sdbus::IConnection> connection_;
    std::unique_ptr<sdbus::IProxy> systemd_;
    std::map<std::string, std::function<void(const std::string&)>> starting_; // by systemd's job
    UnitJobs unitJobs_;
    sys::EventLoop::Source readable_;
    sys::EventLoop::Source hook_;
    std::uint32_t events_ = 0;
};

} // namespace zoned::daemon
