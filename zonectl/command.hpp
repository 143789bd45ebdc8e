// The table of verbs. A verb is one file, cmd_<verb>.cpp: its options, its help and its action.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zoned::ctl {

struct Command {
    std::string_view name; // "boot", "image build"
    std::string_view summary;
    /// Takes the words after the verb; returns the exit status. Throws UsageError, HelpAsked,
    /// BusError, sys::Error.
    int (*run)(const Command& self, const std::vector<std::string>& arguments);
};

/// In the order the help shows them in.
[[nodiscard]] std::span<const Command> commands() noexcept;

/// The whole program but for its start: finds the verb, runs it, reports what it throws.
/// `arguments` without the program's name. Returns the exit status: 0 done, 1 failed, 2 usage.
int runZonectl(const std::vector<std::string>& arguments) noexcept;

/// All verbs, for `zonectl --help`.
[[nodiscard]] std::string overview();

// The verbs' actions, for the table.
int runCreate(const Command& self, const std::vector<std::string>& arguments);
int runSet(const Command& self, const std::vector<std::string>& arguments);
int runVerify(const Command& self, const std::vector<std::string>& arguments);
int runInstall(const Command& self, const std::vector<std::string>& arguments);
int runUninstall(const Command& self, const std::vector<std::string>& arguments);
int runDelete(const Command& self, const std::vector<std::string>& arguments);
int runBoot(const Command& self, const std::vector<std::string>& arguments);
int runReady(const Command& self, const std::vector<std::string>& arguments);
int runClear(const Command& self, const std::vector<std::string>& arguments);
int runHostBoot(const Command& self, const std::vector<std::string>& arguments);
int runHostShutdown(const Command& self, const std::vector<std::string>& arguments);
int runHalt(const Command& self, const std::vector<std::string>& arguments);
int runShutdown(const Command& self, const std::vector<std::string>& arguments);
int runReboot(const Command& self, const std::vector<std::string>& arguments);
int runList(const Command& self, const std::vector<std::string>& arguments);
int runShow(const Command& self, const std::vector<std::string>& arguments);
int runStat(const Command& self, const std::vector<std::string>& arguments);
int runEvents(const Command& self, const std::vector<std::string>& arguments);
int runWait(const Command& self, const std::vector<std::string>& arguments);
int runLogin(const Command& self, const std::vector<std::string>& arguments);
int runExec(const Command& self, const std::vector<std::string>& arguments);
int runConsole(const Command& self, const std::vector<std::string>& arguments);
int runLog(const Command& self, const std::vector<std::string>& arguments);
int runImageBuild(const Command& self, const std::vector<std::string>& arguments);
int runImageImport(const Command& self, const std::vector<std::string>& arguments);
int runImageList(const Command& self, const std::vector<std::string>& arguments);
int runImageShow(const Command& self, const std::vector<std::string>& arguments);
int runImageDelete(const Command& self, const std::vector<std::string>& arguments);
int runJobList(const Command& self, const std::vector<std::string>& arguments);
int runCancel(const Command& self, const std::vector<std::string>& arguments);
int runHelp(const Command& self, const std::vector<std::string>& arguments);

} // namespace zoned::ctl
