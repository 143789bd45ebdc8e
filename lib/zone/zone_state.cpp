#include "zone/zone_state.hpp"

namespace zoned::zone {

namespace {

constexpr std::array<std::string_view, allStates.size()> stateNames{
    "configured", "incomplete", "installed", "unavailable", "ready", "running", "shutting-down", "down"};
constexpr std::array<std::string_view, allCommands.size()> commandNames{
    "install", "uninstall", "delete", "ready", "boot", "halt", "shutdown", "reboot", "enter"};

/// A cell: the state that the command leads to, or one of two marks.
struct Cell {
    Verdict verdict;
    State target;
};

constexpr Cell to(State target) {
    return {Verdict::proceed, target};
}
constexpr State configured = State::configured;
constexpr State installed = State::installed;
constexpr State ready = State::ready;
constexpr State running = State::running;
constexpr Cell stay{Verdict::alreadyThere, State::configured}; // the target is filled in by transition()
constexpr Cell no{Verdict::refused, State::configured};

using Row = std::array<Cell, allStates.size()>;

// A row for each command, a column for each state. "delete" leaves no zone behind, so no state either:
// it stands as configured, the last one on its way.
// clang-format off
constexpr std::array<Row, allCommands.size()> table{{
//               configured      incomplete      installed       unavailable     ready          running        shutting-down  down
/* install   */ {to(installed),  no,             stay,           no,             no,            no,            no,            no},
/* uninstall */ {stay,           to(configured), to(configured), to(configured), no,            no,            no,            no},
/* delete    */ {to(configured), to(configured), to(configured), to(configured), no,            no,            no,            no},
/* ready     */ {no,             no,             to(ready),      no,             stay,          no,            no,            no},
/* boot      */ {no,             no,             to(running),    no,             to(running),   stay,          no,            no},
/* halt      */ {no,             no,             stay,           no,             to(installed), to(installed), to(installed), to(installed)},
/* shutdown  */ {no,             no,             stay,           no,             to(installed), to(installed), no,            no},
/* reboot    */ {no,             no,             no,             no,             no,            to(running),   no,            no},
/* enter     */ {no,             no,             no,             no,             no,            to(running),   no,            no},
}};
// clang-format on

/// What a command needs to be refused for another state than a wish: each state's own way out.
std::string_view wayToRunning(State state) noexcept {
    switch (state) {
    case State::configured:
        return "install it first, then boot it";
    case State::incomplete:
        return "an install or uninstall was interrupted: uninstall it, then install it again";
    case State::installed:
    case State::ready:
        return "boot it first";
    case State::unavailable:
        return "bring back what is missing or damaged, or uninstall the zone";
    case State::running:
        return "halt it first";
    case State::shuttingDown:
        return "wait until it has shut down, or halt it";
    case State::down:
        return "it could not finish stopping: halt it";
    }
    return "";
}

std::string_view wayToStopped(State state) noexcept {
    switch (state) {
    case State::ready:
    case State::running:
        return "halt it first";
    default:
        return wayToRunning(state);
    }
}

} // namespace

std::string_view stateName(State state) noexcept {
    return stateNames[static_cast<std::size_t>(state)];
}

std::optional<State> parseState(std::string_view text) noexcept {
    for (const State state : allStates) {
        if (stateName(state) == text) {
            return state;
        }
    }
    return std::nullopt;
}

std::string_view commandName(Command command) noexcept {
    return commandNames[static_cast<std::size_t>(command)];
}

Transition transition(State state, Command command) noexcept {
    const Cell& cell = table[static_cast<std::size_t>(command)][static_cast<std::size_t>(state)];
    return {cell.verdict, cell.verdict == Verdict::proceed ? cell.target : state};
}

std::string_view advice(State state, Command command) noexcept {
    if (transition(state, command).verdict != Verdict::refused) {
        return "";
    }
    switch (command) {
    case Command::install:
        return isActive(state)
                   ? "it has a root already; to install it anew, halt and uninstall it first"
                   : (state == State::unavailable ? "bring back what is missing or damaged, or uninstall it first"
                                                  : "an install or uninstall was interrupted: uninstall it first");
    case Command::uninstall:
    case Command::remove:
        return wayToStopped(state);
    case Command::ready:
        return state == State::configured ? "install it first" : wayToStopped(state);
    case Command::boot:
        return state == State::configured ? "install it first" : wayToRunning(state);
    case Command::halt:
    case Command::shutdown:
        return isActive(state) ? wayToRunning(state) : "it is not active: there is nothing to stop";
    case Command::reboot:
    case Command::enter:
        return wayToRunning(state);
    }
    return "";
}

bool isActive(State state) noexcept {
    return state == State::ready || state == State::running || state == State::shuttingDown || state == State::down;
}

} // namespace zoned::zone
