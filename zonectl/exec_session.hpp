// A program inside a zone with the user's standard streams: exec and login.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client.hpp"

namespace zoned::ctl {

/// How the program ended, from the supervisor's message.
struct ExecEnd {
    int status = 1;      // zonectl's exit status
    std::string problem; // said on standard error; "" where the program ran to its end
    bool killed = false; // by a signal that it did not get from us
};

/// Reads {"exited": N}, {"killed": SIGNAL} or {"error": TEXT, "code": 126|127}.
[[nodiscard]] ExecEnd parseExecEnd(std::string_view message);

/// Sets the request's terminal size and TERM from the user's terminal.
void describeTerminal(ExecRequest& request);

/// Relays the streams until the program has ended; returns zonectl's exit status.
/// @param what "run a command in zone web", for the error text
int relayExec(Client& client, const std::string& zone, const ExecRequest& request, const std::string& what);

} // namespace zoned::ctl
