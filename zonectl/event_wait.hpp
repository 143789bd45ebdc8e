// Waiting for the service's news, a signal or a deadline, whichever is first.
#pragma once

#include <chrono>
#include <optional>

#include "client.hpp"
#include "signals.hpp"

namespace zoned::ctl {

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

enum class Woken {
    byNews,     // the bus may have had something: see takeNews()
    bySignal,   // SIGINT, SIGTERM, SIGQUIT or SIGHUP: the program is to end
    byDeadline, // it has passed
};

/// Sleeps until one of them. Suspends the program on SIGTSTP, and goes on where it is continued.
[[nodiscard]] Woken waitForEvent(Client& client, Signals& signals, const Deadline& deadline);

} // namespace zoned::ctl
