// The zone's console on the user's terminal, or on plain standard streams in a script.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "client.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::ctl {

struct ConsoleRequest {
    std::string zone;
    std::optional<char> escape; // nothing: no way out by typing
    /// A job that is under way meanwhile (boot --console) and what it does; its failure ends the session.
    std::function<ObjectPath()> start;
    std::string what;
};

/// Stays connected until the escape is typed, the console goes away, or a signal ends it.
/// Returns the exit status.
int relayConsole(Client& client, sys::UniqueFd console, const ConsoleRequest& request);

} // namespace zoned::ctl
