// Boot, ready, halt, shutdown, reboot, exec and console: requests that become
// messages to a zone's supervisor, and jobs that end when its status says so.
//
// The supervisor counts the requests it has finished; a job's request has a
// number on that count, and is judged by the first status that has reached it.
// A supervisor with nothing to do ends by itself, perhaps while a request is on
// its way to it; such a request is sent once more, to a new one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "host.hpp"
#include "host_check.hpp"
#include "jobs.hpp"
#include "launcher.hpp"
#include "network.hpp"
#include "registry.hpp"
#include "supervisor.hpp"
#include "upkeep.hpp"
#include "zone/zone_state.hpp"

namespace zoned::daemon {

/// Throws Fault wrongState where the table forbids the command, with what to do instead.
/// Returns false where the zone is in the wished state already.
bool admit(const Zone& zone, zone::Command command);

class Lifecycle final : public Supervisor::Listener {
public:
    Lifecycle(sys::EventLoop& loop, const Host& host, Registry& registry, Jobs& jobs, Launcher& launcher,
              Network& network)
        : loop_(loop), host_(host), registry_(registry), jobs_(jobs), launcher_(launcher), network_(network) {}

    struct Listener {
        std::function<void(const std::string& name)> running;
        /// A zone that was active is not any more.
        std::function<void(const std::string& name, const ZoneEnd& end)> ended;
        std::function<void(const std::string& name)> stopAsked;
    };
    void listen(Listener listener) { listener_ = std::move(listener); }

    struct BootOptions {
        std::vector<std::string> initArgs;
        bool wait = false; // until the zone says it is ready
    };
    /// Each returns the job's number. They throw Fault busy, wrongState and what the boot's preparation finds.
    std::uint32_t boot(const std::string& name, const BootOptions& options);
    std::uint32_t ready(const std::string& name);
    std::uint32_t halt(const std::string& name);
    /// @param timeout seconds; 0: the definition's
    std::uint32_t shutdown(const std::string& name, std::uint32_t timeout);
    std::uint32_t reboot(const std::string& name, bool force);

    struct SetOptions {
        bool runtime = false; // only the running zone
        bool stored = false;  // only the definition
        /// The caller may give zones privileges on the host: root, or who was let do config-privileged.
        bool trusted = false;
    };
    struct SetOutcome {
        std::vector<std::string> applied;  // keys that have their effect now
        std::vector<std::string> waiting;  // keys that have it later, see their schema
        std::vector<std::string> warnings; // limits that were left out because the definition allows it
        std::vector<MountSource> sources;  // that the definition did not mount before: to be looked for
    };
    using SetDone = std::function<void(const SetOutcome&)>;
    /// Changes keys of a zone's definition and what of them a running zone can take. All of it is checked before any
    /// of it is done. Throws Fault and DefinitionFault; later faults come by `refused`, and then nothing is changed.
    /// Returns false where nothing was done because the definition gives privileges, as it is or as it would be, and
    /// the caller is not trusted with those.
    [[nodiscard]] bool set(const std::string& name, const std::vector<std::pair<std::string, std::string>>& settings,
                           const SetOptions& options, const SetDone& done, const Supervisor::Refused& refused);

    /// Name and purpose of the steps that a boot would take.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> plan(const std::string& name);

    /// @param request the protocol's "exec" message
    /// @param by the user of the host who asks
    void exec(const std::string& name, uid_t by, nlohmann::json request, Supervisor::Opened opened,
              Supervisor::Refused refused);
    void console(const std::string& name, uid_t by, const Supervisor::Opened& opened,
                 const Supervisor::Refused& refused);

    /// A supervisor has begun to listen; one that nobody asked for boots its zone.
    void supervisorAppeared(const std::string& name);

    /// After a start of the service: adopts the zone's supervisor or cleans up after it.
    void recover(const zone::ZoneName& name, const std::function<void()>& settled);
    /// When all are recovered: boots the zones whose units were started meanwhile.
    void begin();
    /// After a start of the service: zones that ran when the host lost its power, or crashed, say so.
    void noticePowerLoss();

private:
    struct Operation {
        std::uint32_t job = 0;
        zone::Command command = zone::Command::boot;
        nlohmann::json message;
        std::string definition;   // of a boot from the ground: what it boots; "" otherwise
        std::uint64_t ticket = 0; // Status::requests when the request is done; 0: not sent yet
        bool wait = false;
        bool cancelled = false;
        int launches = 0;
        sys::EventLoop::Source deadline; // of a halt
    };

    struct Setting; // one under way: lifecycle_set.cpp
    void noteBooted(const zone::ZoneName& name, const std::string& text);
    void settle(const std::shared_ptr<Setting>& setting, const std::optional<zone::Fault>& fault);

    std::uint32_t startBoot(const std::string& name, zone::Command command, const BootOptions& options);
    std::uint32_t bootAfterUnits(const Zone& zone, zone::Command command, const BootOptions& options);
    void startHostUnits(const zone::ZoneName& name, std::uint32_t job, const BootOptions& options,
                        const std::vector<std::string>& units);
    void prepareBoot(const zone::ZoneName& name, const BootOptions& options);
    [[nodiscard]] std::string absentNeeds(const Zone& zone) const;
    std::uint32_t enter(const Zone& zone, Operation operation);
    std::uint32_t begin(const Zone& zone, Operation operation);
    void tellEnd(const zone::ZoneName& name, const platform::Status& status, bool asked);
    [[nodiscard]] sys::EventLoop::Source haltDeadline(const zone::ZoneName& name);
    void killSupervisor(const zone::ZoneName& name);
    std::uint32_t alreadyThere(const Zone& zone, zone::Command command);
    void supersede(const zone::ZoneName& name);
    void send(const zone::ZoneName& name);
    void deliver(const zone::ZoneName& name, std::uint32_t job, const std::optional<zone::Fault>& fault);
    void cancel(const zone::ZoneName& name);
    void finish(const zone::ZoneName& name);
    void fail(const zone::ZoneName& name, zone::FaultKind kind, const std::string& text);
    void fail(const zone::ZoneName& name, const zone::Fault& fault) { fail(name, fault.kind(), fault.what()); }
    void warn(const zone::ZoneName& name, const std::vector<std::string>& warnings);
    void judge(const zone::ZoneName& name, const platform::Status& status);
    void judgeBoot(const zone::ZoneName& name, const Operation& operation, const platform::Status& status);

    void statusChanged(const zone::ZoneName& name, const platform::Status& status) override;
    void stepChanged(const zone::ZoneName& name, const std::string& step) override;
    void supervisorLost(const zone::ZoneName& name) override;
    void supervisorSilent(const zone::ZoneName& name) override;
    void supervisorEnded(const zone::ZoneName& name, const SupervisorEnd& end) override;
    void specWanted(const zone::ZoneName& name) override;
    void handlingFailed(const zone::ZoneName& name, const zone::Fault& fault) noexcept override;
    void bootForUnit(const zone::ZoneName& name);
    void lookAtUnused(const zone::ZoneName& name);
    void markRunning(const Zone& zone, bool running);
    void noteReason(Zone& zone, const platform::Status& status);
    void openConsole(const zone::ZoneName& name, uid_t by, int attempts, const Supervisor::Opened& opened,
                     const Supervisor::Refused& refused);

    Supervisor& supervisor(const zone::ZoneName& name);

    sys::EventLoop& loop_;
    const Host& host_;
    Registry& registry_;
    Jobs& jobs_;
    Launcher& launcher_;
    Network& network_;
    Listener listener_;
    std::map<zone::ZoneName, std::unique_ptr<Supervisor>> supervisors_;
    std::map<zone::ZoneName, Operation> operations_;
    std::vector<zone::ZoneName> waitingUnits_;
};

} // namespace zoned::daemon
