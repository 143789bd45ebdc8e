// One zone's supervisor as the service sees it: started when it is needed,
// spoken to over its socket, and cleaned up after when it died.
//
//   none -> launching -> connected -> ending -> none
//                \______________________/
// "launching" ends with the first status. "ending" begins with the end of the
// connection and lasts until the process is gone, its zone is taken down where
// it could not do so itself, and its folder in /run is removed. A supervisor cuts
// a connection that we do not read fast enough: while it listens it is not dead,
// and is connected to again.
//
// Every word to the listener and to whoever waits is told apart from the rest:
// what one of them throws neither stops the others nor leaves the phases half
// changed.
//
// zoned parses nothing from a zone: everything that comes over this socket was
// written by our own supervisor, which cleans what a zone said.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "host.hpp"
#include "launcher.hpp"
#include "platform/protocol.hpp"
#include "sys/channel.hpp"
#include "sys/event_loop.hpp"
#include "zone/fault.hpp"
#include "zone/zone_name.hpp"

namespace zoned::daemon {

/// How a supervisor ended.
struct SupervisorEnd {
    bool died = false;          // without having said that it would
    bool wasUp = false;         // the zone was active, as far as it is known
    platform::Status last;      // the last that is known; state: installed unless the clean-up failed
    std::string cleanUpProblem; // why the zone could not be taken down; "" where it is
};

class Supervisor {
public:
    /// One serves the supervisors of all zones, which are many.
    class Listener {
    public:
        virtual ~Listener() = default;
        /// Also the first one.
        virtual void statusChanged(const zone::ZoneName& name, const platform::Status& status) = 0;
        virtual void stepChanged(const zone::ZoneName& name, const std::string& step) = 0;
        /// The connection is gone; supervisorEnded() follows when all is tidy.
        virtual void supervisorLost(const zone::ZoneName& name) = 0;
        virtual void supervisorEnded(const zone::ZoneName& name, const SupervisorEnd& end) = 0;
        /// One that ran before us does not answer; it may still do so later.
        virtual void supervisorSilent(const zone::ZoneName& name) = 0;
        /// The zone reboots: to be answered with a boot request.
        virtual void specWanted(const zone::ZoneName& name) = 0;
        /// What the listener was to do about the zone's state has thrown; it has been logged.
        virtual void handlingFailed(const zone::ZoneName& name, const zone::Fault& fault) noexcept = 0;
    };
    enum class Phase { none, launching, connected, ending };
    using Then = std::function<void(const std::optional<zone::Fault>&)>;
    using Opened = std::function<void(std::vector<sys::UniqueFd>)>;
    using Refused = std::function<void(const zone::Fault&)>;

    Supervisor(sys::EventLoop& loop, Launcher& launcher, const Host& host, zone::ZoneName name, Listener& listener);

    /// After a restart of the service: connects to a supervisor that runs, or cleans up after one that does not.
    /// `settled` is called when the first status is there or the clean-up is done.
    void recover(std::function<void()> settled);
    /// Starts the supervisor where none runs; `then` is called once it answers, possibly at once.
    void summon(Then then);
    /// A supervisor listens now: the one that was started here, or one that was started otherwise. For the latter
    /// `then` is called as by summon().
    void appeared(Then then);
    /// Sends a request. Returns the number that Status::requests reaches when it is done. Only when connected.
    std::uint64_t request(const nlohmann::json& message);
    /// Sends a message that is not counted. Only when connected.
    void tell(const nlohmann::json& message);
    /// Sends "exec" or "console"; the answer brings descriptors. Only when connected.
    void open(nlohmann::json message, Opened opened, Refused refused);
    /// Tries once more to take down a zone that is "down".
    void cleanUpAgain();

    [[nodiscard]] Phase phase() const noexcept { return phase_; }
    /// Null unless connected.
    [[nodiscard]] const platform::Status* status() const noexcept {
        return phase_ == Phase::connected ? &status_ : nullptr;
    }

private:
    struct Opening {
        Opened opened;
        Refused refused;
    };
    template <typename Body>
    void handle(const char* doing, Body&& body) noexcept;
    void launch();
    void forgetEarlierEnd();
    void removeUnused();
    void connect();
    void attach(sys::Channel channel);
    [[nodiscard]] bool connectAgain();
    [[nodiscard]] bool wasIdle() const;
    void readable();
    void take(sys::Packet packet);
    void takeStatus(const nlohmann::json& message);
    void takeAnswer(const nlohmann::json& message, sys::Packet& packet);
    void giveUp();
    void exited(int status);
    void disconnected();
    void processGone();
    void cleanUp();
    void cleaned(int status);
    void removeRemains(int attempts);
    void settle();
    void answerSummons(const std::optional<zone::Fault>& fault);
    void refuseOpenings(const std::string& why);
    void tellSettled();
    [[nodiscard]] std::string endText() const;
    void send(const nlohmann::json& message);

    sys::EventLoop& loop_;
    Launcher& launcher_;
    const Host& host_;
    zone::ZoneName name_;
    Listener& listener_;

    Phase phase_ = Phase::none;
    sys::Channel channel_;
    platform::Status status_;
    bool greeted_ = false;       // the first status has come
    std::uint64_t promised_ = 0; // Status::requests when all that was sent is done
    std::uint64_t lastOpening_ = 0;
    std::map<std::uint64_t, Opening> openings_;
    std::vector<Then> summons_;
    Then appeared_; // another supervisor listens already while this one is being cleaned up after
    std::function<void()> settled_;
    bool childRuns_ = false; // the supervisor is a child that has not been reaped yet
    std::optional<int> exitStatus_;
    SupervisorEnd end_;
    std::optional<zone::Fault> launchFault_; // why those who wait for the supervisor wait in vain

    sys::EventLoop::Source socketSource_;
    sys::EventLoop::Source timer_;
    sys::EventLoop::Source deadline_;
    sys::EventLoop::Source cleaner_;
};

} // namespace zoned::daemon
