// The states of a zone and what each command does in each of them: one table.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace zoned::zone {

enum class State {
    configured,   // defined, no root
    incomplete,   // an install or uninstall was interrupted
    installed,    // has a root, is not active
    unavailable,  // its root or image is missing
    ready,        // platform up, no process of the zone runs
    running,      // its init runs
    shuttingDown, // on its way down
    down,         // could not finish stopping
};
inline constexpr std::array allStates{State::configured, State::incomplete, State::installed,    State::unavailable,
                                      State::ready,      State::running,    State::shuttingDown, State::down};

enum class Command { install, uninstall, remove, ready, boot, halt, shutdown, reboot, enter };
inline constexpr std::array allCommands{Command::install,  Command::uninstall, Command::remove,
                                        Command::ready,    Command::boot,      Command::halt,
                                        Command::shutdown, Command::reboot,    Command::enter};

/// "configured", …, "shutting-down", "down": as shown and sent.
[[nodiscard]] std::string_view stateName(State state) noexcept;
[[nodiscard]] std::optional<State> parseState(std::string_view text) noexcept;
/// "install", …, "delete", "enter" (exec and login).
[[nodiscard]] std::string_view commandName(Command command) noexcept;

enum class Verdict {
    proceed,      // the command may run
    alreadyThere, // asked for the present state: succeed at once
    refused       // wrong state
};

struct Transition {
    Verdict verdict;
    State target; // proceed: the state a successful command ends in; else the present one
};

/// THE table. A zone whose manager does something to it at the moment is "busy",
/// which is not a state and is judged before this.
[[nodiscard]] Transition transition(State state, Command command) noexcept;

/// What to do instead, for the refusal's text: "boot it first". Empty where nothing helps.
[[nodiscard]] std::string_view advice(State state, Command command) noexcept;

/// ready, running, shuttingDown and down: a supervisor holds the zone.
[[nodiscard]] bool isActive(State state) noexcept;

} // namespace zoned::zone
