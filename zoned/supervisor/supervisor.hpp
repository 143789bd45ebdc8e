// One zone, from its boot to its end: the state machine of the supervisor.
//
//   installed ──boot──▶ ready ──▶ running ──init ends──▶ installed (or a new boot, if it asked for one)
//                                   │ shutdown: ask init, wait, kill;  halt: kill
//                                   ▼
//                              shutting-down ──▶ installed;  `down` where killed processes do not end
//
// The supervisor is the parent of the zone's init, holds its console and lets
// programs in. What takes time is an event of the loop, but for bringing up and
// taking down, which run through, mostly in milliseconds. They wait for the zone's
// first process, 30 s at most (handshake.cpp), for killed processes to end, 10 s
// (limits.cpp), and for a mount's source as long as its file server takes, for ever
// where that is gone. Meanwhile no message is read. A zone is halted all the same:
// zoned kills a supervisor that does not answer, and cleans up after it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "notify_socket.hpp"
#include "platform/boot_spec.hpp"
#include "platform/bringup.hpp"
#include "platform/console.hpp"
#include "platform/protocol.hpp"
#include "platform/run_record.hpp"
#include "stop_ladder.hpp"
#include "sys/event_loop.hpp"
#include "visits.hpp"

namespace zoned::supervisor {

struct Place {
    std::string zone;
    std::string runZone; // RUN/zones/NAME
    std::string logPath; // of the console
    std::string cgroup;  // the zone's, absolute
};

class Supervisor {
public:
    /// What the supervisor asks of its surroundings (connections.hpp).
    struct Events {
        std::function<void()> statusChanged;
        /// Init asked for a reboot: ask the service for a fresh spec; false where no service is connected.
        std::function<bool()> specWanted;
        /// Nothing runs and nobody views the console any more.
        std::function<void()> idle;
    };

    Supervisor(sys::EventLoop& loop, Place place, Events events);

    /// `running` false: only to the state ready.
    void boot(platform::BootSpec spec, bool running);
    void halt();
    void shutdown(std::chrono::seconds timeout);
    void reboot(bool force);
    /// Other limits for the zone that is up, and for its reboots. Throws sys::Error, and then nothing is changed.
    void setLimits(std::vector<platform::Limit> limits);

    [[nodiscard]] sys::UniqueFd openConsole(uid_t by) { return console_.addViewer(by); }
    /// Throws sys::Error where the zone does not run.
    void enter(const platform::EnterRequest& request, Visits::Opened opened, Visits::Refused refused);

    [[nodiscard]] const platform::Status& status() const noexcept { return status_; }
    [[nodiscard]] bool idle() const noexcept;
    /// The definition's stop-timeout, as of the last boot.
    [[nodiscard]] std::chrono::seconds stopTimeout() const noexcept;

private:
    void bringUp(bool running);
    void takeSteps(bool running);
    void becomeReady();
    void becomeRunning();
    [[nodiscard]] std::optional<std::string> problemBeforeInit();
    void initEnded(int waitStatus);
    void takeDown(const std::string& reason);
    void nowDown(const std::string& reason);
    void bootAgain();
    void kill();
    void setState(zone::State state);
    void enterState(zone::State state);
    void requestDone(const std::string& failure = "");
    [[nodiscard]] std::string reasonOf(int waitStatus) const;

    sys::EventLoop& loop_;
    Place place_;
    Events events_;
    platform::Status status_;
    platform::Console console_;
    Visits visits_;
    StopLadder ladder_;
    std::optional<platform::BootSpec> spec_;
    std::unique_ptr<platform::Bringup> zone_;
    std::optional<platform::RunRecord> record_;
    std::unique_ptr<NotifySocket> notify_;
    sys::EventLoop::Source initExit_;
    sys::EventLoop::Source childEnded_;
    sys::EventLoop::Source killWatch_;
    sys::EventLoop::Source rebootTimer_;
    sys::EventLoop::Source bootedTimer_;
    std::chrono::steady_clock::time_point initStarted_{};
    bool rebootWanted_ = false;
    bool stopAsked_ = false;
    bool killed_ = false;
    std::string stopNote_; // what should be told of how the zone was stopped
};

} // namespace zoned::supervisor
