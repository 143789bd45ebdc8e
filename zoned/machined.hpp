// Running zones as machines of systemd-machined(8), where the host has it: so
// machinectl(1), systemctl -M, journalctl -M and nss-mymachines(8) know them.
//
// Each zone has what should be registered (`wanted`) and what is (`registered`);
// one call is under way for it at most, and its answer decides the next. So a
// reboot's new init is registered only after the old one was unregistered, and
// a zone that goes down meanwhile is never left behind.
//
// machined shows what it knows to everybody, so it is not told the zone's machine
// id: machine-id(5) has it that this is confidential.
//
// The leader's unit stays as it is: machined takes zone@NAME.service for the
// machine's and moves no process. Unregistering a machine kills nothing either.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/bus_compat.hpp"
#include "host.hpp"
#include "zone/zone_name.hpp"

namespace zoned::daemon {

class Machined {
public:
    Machined(sdbus::IConnection& connection, const Host& host) : connection_(connection), host_(host) {}

    /// To be told of every change of a zone. It never fails: what machined refuses is a warning in the log.
    /// @param init its init's process id; 0 while none runs
    void follow(const zone::ZoneName& name, pid_t init);
    /// Whether machined may have the zone's machine, or is just being told that it is gone.
    [[nodiscard]] bool isBusyWith(const zone::ZoneName& name) const { return entries_.contains(name); }

private:
    struct Machine {
        pid_t leader = 0;
        std::vector<std::int32_t> interfaces; // of the host, that lead to the zone
    };
    struct Entry {
        std::optional<Machine> wanted;
        pid_t registered = 0; // the leader that machined knows; 0: none of ours
        pid_t refused = 0;    // a leader that is not tried again
        bool asking = false;
        std::unique_ptr<sdbus::IProxy> object; // while somebody else's machine is looked at
    };
    /// The calls that register a machine, the newest first.
    enum class Call { extended, withNetwork, plain };

    sdbus::IProxy& manager();
    void settle(const zone::ZoneName& name);
    void enlist(const zone::ZoneName& name);
    void askToEnlist(const zone::ZoneName& name);
    void enlisted(const zone::ZoneName& name, pid_t leader, Call call, api::ReplyError error);
    void withdraw(const zone::ZoneName& name);
    void withdrawn(const zone::ZoneName& name, const std::string& problem);
    void lookAt(const zone::ZoneName& name, pid_t leader);
    void looked(const zone::ZoneName& name, pid_t leader, const std::map<std::string, sdbus::Variant>& properties);
    void giveUp(const zone::ZoneName& name, pid_t leader, const std::string& why);
    [[nodiscard]] std::vector<std::int32_t> interfacesOf(const zone::ZoneName& name) const;

    sdbus::IConnection& connection_;
    const Host& host_;
    std::unique_ptr<sdbus::IProxy> manager_;
    std::unique_ptr<sdbus::IProxy> retired_;
    std::map<zone::ZoneName, Entry> entries_;
    Call call_ = Call::extended;
    bool absenceTold_ = false;
};

/// True where the process is systemd-machined. From version 258 on it takes whoever registers a machine for the
/// machine's supervisor and ends that one (SIGTERM) together with it: zoned is not to obey.
[[nodiscard]] bool isMachined(pid_t process);

} // namespace zoned::daemon
