#include "command.hpp"

#include <algorithm>
#include <array>
#include <exception>

#include "arguments.hpp"
#include "client.hpp"
#include "config.h"
#include "output.hpp"
#include "sys/error.hpp"
#include "zone/fault.hpp"

namespace zoned::ctl {

namespace {

using sys::join;

constexpr std::array table{
    Command{"create", "Define zones, install them and, if asked, boot them", runCreate},
    Command{"set", "Change keys of a zone's definition, and the running zone", runSet},
    Command{"verify", "Check definition files without doing anything", runVerify},
    Command{"install", "Give configured zones their root file system", runInstall},
    Command{"uninstall", "Remove the root of zones and all data in it", runUninstall},
    Command{"delete", "Remove zones: root, data and definition", runDelete},
    Command{"boot", "Start zones", runBoot},
    Command{"ready", "Set zones up without starting any process in them", runReady},
    Command{"halt", "Stop zones at once, without their shutdown scripts", runHalt},
    Command{"shutdown", "Shut zones down cleanly", runShutdown},
    Command{"reboot", "Shut zones down and boot them again", runReboot},
    Command{"clear", "End the maintenance of zones", runClear},
    Command{"list", "List zones and their states", runList},
    Command{"show", "Show one zone in detail", runShow},
    Command{"stat", "Show what zones and the host use", runStat},
    Command{"events", "Show what happens to zones, images and jobs, as it happens", runEvents},
    Command{"wait", "Wait until a zone is in a state", runWait},
    Command{"login", "Log into a zone", runLogin},
    Command{"exec", "Run a command in a zone", runExec},
    Command{"console", "Attach to a zone's console", runConsole},
    Command{"log", "Show what was written to the console of a zone and what was done with it", runLog},
    Command{"image build", "Build an image of a Debian suite", runImageBuild},
    Command{"image import", "Make an image of a root file system archive", runImageImport},
    Command{"image list", "List images", runImageList},
    Command{"image show", "Show one image in detail", runImageShow},
    Command{"image delete", "Remove images", runImageDelete},
    Command{"host boot", "Boot the zones that boot with the host", runHostBoot},
    Command{"host shutdown", "Shut all zones down, in reverse order", runHostShutdown},
    Command{"jobs", "List what the service does at the moment", runJobList},
    Command{"cancel", "Cancel a job", runCancel},
    Command{"help", "Explain a verb, or the keys of a definition", runHelp},
};

/// The verb that the words begin with, and how many words it takes.
std::pair<const Command*, std::size_t> find(const std::vector<std::string>& words) {
    for (const std::size_t count : {std::size_t{2}, std::size_t{1}}) {
        if (words.size() < count) {
            continue;
        }
        const std::string name = count == 2 ? words[0] + " " + words[1] : words[0];
        const auto found = std::find_if(table.begin(), table.end(), [&](const Command& c) { return c.name == name; });
        if (found != table.end()) {
            return {&*found, count};
        }
    }
    return {nullptr, 0};
}

/// The verbs of a group ("image"); empty where the word is none.
std::string groupHelp(const std::string& group) {
    std::string text;
    for (const Command& command : table) {
        if (command.name.starts_with(group + " ")) {
            text += join("  ", command.name, std::string(18 - command.name.size(), ' '), command.summary, "\n");
        }
    }
    return text.empty() ? text : join("Usage: zonectl ", group, " VERB …\n\n", text);
}

int dispatch(const std::vector<std::string>& words) {
    if (words.empty()) {
        throw UsageError("no verb is given\n" + overview());
    }
    if (words[0] == "-h" || words[0] == "--help") {
        print(overview());
        return 0;
    }
    if (words[0] == "--version") {
        print(join("zonectl ", ZONED_VERSION, "\n"));
        return 0;
    }
    if (words[0] == "--no-ask-password") {
        Client::neverAskPassword();
        return dispatch({words.begin() + 1, words.end()});
    }
    const auto [command, count] = find(words);
    if (command != nullptr) {
        return command->run(*command, {words.begin() + static_cast<std::ptrdiff_t>(count), words.end()});
    }
    const std::string group = groupHelp(words[0]);
    if (group.empty()) {
        throw UsageError(join("there is no verb '", words[0], "'\nTry 'zonectl --help'."));
    }
    if (words.size() > 1 && (words[1] == "--help" || words[1] == "-h")) {
        print(group);
        return 0;
    }
    throw UsageError((words.size() > 1 ? join("there is no verb '", words[0], " ", words[1], "'\n")
                                       : join("'", words[0], "' needs a verb\n")) +
                     group);
}

/// Every complaint about the command line says where the right one is described.
std::string withHint(const std::string& complaint, const std::vector<std::string>& arguments) {
    if (complaint.find("help") != std::string::npos) {
        return complaint;
    }
    return complaint + "\n" + join("See 'zonectl ", arguments.empty() ? "" : arguments.front() + " ", "--help'.");
}

} // namespace

std::span<const Command> commands() noexcept {
    return table;
}

std::string overview() {
    std::string text =
        "Usage: zonectl [--no-ask-password] VERB [OPTION…] [NAME…]\n\nManages the zones of this host.\n\nVerbs:\n";
    for (const Command& command : table) {
        text += join("  ", command.name, std::string(18 - command.name.size(), ' '), command.summary, "\n");
    }
    text += "\nOptions:\n"
            "  -h, --help          Show this help; after a verb: the verb's\n"
            "  --version           Show the version\n"
            "  --no-ask-password   Before the verb: never ask for a password; be refused instead\n"
            "\nExit status: 0 done, 1 failed, 2 wrong usage; of exec and login, the command's own.\n"
            "See also zonectl(1), zone.yaml(5) and 'zonectl help definition'.\n";
    return text;
}

int runZonectl(const std::vector<std::string>& arguments) noexcept {
    try {
        try {
            return dispatch(arguments);
        } catch (const HelpAsked& help) {
            print(help.text);
            return 0;
        }
    } catch (const UsageError& e) {
        printError(withHint(e.what(), arguments));
        return 2;
    } catch (const sys::Error& e) {
        // A reader that has seen enough (`zonectl list | head -1`) is no fault to report.
        if (e.code() != EPIPE) {
            printError(e.what());
        }
    } catch (const std::exception& e) {
        printError(e.what());
    }
    return 1;
}

} // namespace zoned::ctl
