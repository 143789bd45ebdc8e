#include "zone/zone_state.hpp"

#include <map>
#include <set>
#include <string>

#include "support/catch.hpp"

using namespace zoned::zone;

namespace {

/// The administrator's view, written by hand and not from the code: for each state, what each command does.
/// "=" stays where it is and succeeds, "-" refused, else the state that it ends in.
const std::map<std::string, std::map<std::string, std::string>> expected{
    {"configured",
     {{"install", "installed"},
      {"uninstall", "="},
      {"delete", "configured"},
      {"ready", "-"},
      {"boot", "-"},
      {"halt", "-"},
      {"shutdown", "-"},
      {"reboot", "-"},
      {"enter", "-"}}},
    {"incomplete",
     {{"install", "-"},
      {"uninstall", "configured"},
      {"delete", "configured"},
      {"ready", "-"},
      {"boot", "-"},
      {"halt", "-"},
      {"shutdown", "-"},
      {"reboot", "-"},
      {"enter", "-"}}},
    {"installed",
     {{"install", "="},
      {"uninstall", "configured"},
      {"delete", "configured"},
      {"ready", "ready"},
      {"boot", "running"},
      {"halt", "="},
      {"shutdown", "="},
      {"reboot", "-"},
      {"enter", "-"}}},
    {"unavailable",
     {{"install", "-"},
      {"uninstall", "configured"},
      {"delete", "configured"},
      {"ready", "-"},
      {"boot", "-"},
      {"halt", "-"},
      {"shutdown", "-"},
      {"reboot", "-"},
      {"enter", "-"}}},
    {"ready",
     {{"install", "-"},
      {"uninstall", "-"},
      {"delete", "-"},
      {"ready", "="},
      {"boot", "running"},
      {"halt", "installed"},
      {"shutdown", "installed"},
      {"reboot", "-"},
      {"enter", "-"}}},
    {"running",
     {{"install", "-"},
      {"uninstall", "-"},
      {"delete", "-"},
      {"ready", "-"},
      {"boot", "="},
      {"halt", "installed"},
      {"shutdown", "installed"},
      {"reboot", "running"},
      {"enter", "running"}}},
    {"shutting-down",
     {{"install", "-"},
      {"uninstall", "-"},
      {"delete", "-"},
      {"ready", "-"},
      {"boot", "-"},
      {"halt", "installed"},
      {"shutdown", "-"},
      {"reboot", "-"},
      {"enter", "-"}}},
    {"down",
     {{"install", "-"},
      {"uninstall", "-"},
      {"delete", "-"},
      {"ready", "-"},
      {"boot", "-"},
      {"halt", "installed"},
      {"shutdown", "-"},
      {"reboot", "-"},
      {"enter", "-"}}},
};

} // namespace

TEST_CASE("every pair of state and command does what the table says", "[zone_state]") {
    REQUIRE(expected.size() == allStates.size());
    for (const State state : allStates) {
        const auto& row = expected.at(std::string(stateName(state)));
        REQUIRE(row.size() == allCommands.size());
        for (const Command command : allCommands) {
            const std::string& cell = row.at(std::string(commandName(command)));
            const Transition result = transition(state, command);
            CAPTURE(stateName(state), commandName(command), cell);
            if (cell == "-") {
                CHECK(result.verdict == Verdict::refused);
                CHECK(result.target == state);
            } else if (cell == "=") {
                CHECK(result.verdict == Verdict::alreadyThere);
                CHECK(result.target == state);
            } else {
                CHECK(result.verdict == Verdict::proceed);
                CHECK(stateName(result.target) == cell);
            }
        }
    }
}

TEST_CASE("whatever is refused is refused with advice, and nothing else has any", "[zone_state]") {
    for (const State state : allStates) {
        for (const Command command : allCommands) {
            CAPTURE(stateName(state), commandName(command));
            const bool refused = transition(state, command).verdict == Verdict::refused;
            CHECK(advice(state, command).empty() != refused);
        }
    }
}

TEST_CASE("advice leads out: the command it names is allowed in that state", "[zone_state]") {
    const std::map<std::string, Command> verbs{{"install it first", Command::install},
                                               {"boot it first", Command::boot},
                                               {"halt it first", Command::halt},
                                               {"uninstall it first", Command::uninstall}};
    std::set<std::string> seen;
    for (const State state : allStates) {
        for (const Command command : allCommands) {
            const std::string text(advice(state, command));
            for (const auto& [words, verb] : verbs) {
                // "install it first" also ends "uninstall it first"; "halt and uninstall it first" starts with the halt
                const std::size_t at = text.find(words);
                const bool whole = at == 0 || (at != std::string::npos && text[at - 1] == ' ');
                if (whole && text.find("halt and") == std::string::npos) {
                    CAPTURE(stateName(state), commandName(command), text);
                    CHECK(transition(state, verb).verdict == Verdict::proceed);
                    seen.insert(words);
                }
            }
        }
    }
    CHECK(seen.size() == verbs.size());
}

TEST_CASE("from every state some way leads to installed, and from each to configured", "[zone_state]") {
    for (const State goal : {State::installed, State::configured, State::running}) {
        for (const State start : allStates) {
            std::set<State> reached{start};
            for (std::size_t before = 0; before != reached.size();) {
                before = reached.size();
                for (const State state : std::set<State>(reached)) {
                    for (const Command command : allCommands) {
                        reached.insert(transition(state, command).target);
                    }
                }
            }
            CAPTURE(stateName(start), stateName(goal));
            CHECK(reached.count(goal) == 1);
        }
    }
}

TEST_CASE("a state's name reads back as the state", "[zone_state]") {
    for (const State state : allStates) {
        CHECK(parseState(stateName(state)) == state);
    }
    CHECK_FALSE(parseState("shuttingDown"));
    CHECK_FALSE(parseState(""));
    CHECK_FALSE(parseState("Running"));
}

TEST_CASE("only ready, running, shutting-down and down have a supervisor", "[zone_state]") {
    for (const State state : allStates) {
        const std::string name(stateName(state));
        CHECK(isActive(state) == (name == "ready" || name == "running" || name == "shutting-down" || name == "down"));
    }
}
