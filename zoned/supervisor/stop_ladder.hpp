// Stopping a zone step by step: ask its init in the way its kind understands,
// once it can hear; ask again in case it could not; after the time-out, kill.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "sys/event_loop.hpp"

namespace zoned::supervisor {

class StopLadder {
public:
    struct Zone {
        int initPidfd = -1; // borrowed; must live until cancel()
        std::string initKind;
        bool booted = false;
        std::chrono::steady_clock::time_point initStarted;
    };
    using RunInside = std::function<void(const std::vector<std::string>& command)>;

    explicit StopLadder(sys::EventLoop& loop) : loop_(loop) {}

    /// @param runInside runs a command in the zone, for inits that take no signal
    /// @param giveUp called once after `timeout`
    void begin(Zone zone, std::chrono::seconds timeout, RunInside runInside, std::function<void()> giveUp);
    /// Init understands signals from now on: a request that waits is made at once.
    void initListens();
    void cancel();

private:
    void ask();

    sys::EventLoop& loop_;
    Zone zone_;
    RunInside runInside_;
    sys::EventLoop::Source askTimer_;
    sys::EventLoop::Source timeout_;
};

} // namespace zoned::supervisor
