// The start of a unit of the host, waited for within bounds: its job may never end (TimeoutStartSec=infinity), and
// systemd's word of the end is lost where systemd executes itself anew meanwhile.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "sys/event_loop.hpp"

namespace zoned::daemon {

using UnitStarted = std::function<void(const std::string& problem)>; // "" where it is up

/// Calls `start` with a callback of its own. `then` gets what that is told, or, after the limit, that it took too long;
/// it is called once.
void startWithin(sys::EventLoop& loop, std::chrono::milliseconds limit, UnitStarted then,
                 const std::function<void(UnitStarted)>& start);

} // namespace zoned::daemon
