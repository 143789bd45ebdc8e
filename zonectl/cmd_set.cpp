#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "jobs.hpp"
#include "output.hpp"
#include "sys/error.hpp"
#include "zone/schema.hpp"

namespace zoned::ctl {

namespace {

using sys::join;

/// When a key that waits has its effect.
std::string_view waitText(const std::string& key) {
    const zone::Key* known = zone::findKey(key);
    return known != nullptr && known->effect == zone::Effect::atInstall ? "waits until the zone is installed anew"
                                                                        : "waits for the next boot";
}

void report(const SetOutcome& outcome) {
    for (const std::string& warning : outcome.warnings) {
        printError("warning: " + warning);
    }
    std::string text;
    for (const std::string& key : outcome.applied) {
        text += join(key, ": in effect now\n");
    }
    for (const std::string& key : outcome.waiting) {
        text += join(key, ": ", waitText(key), "\n");
    }
    print(cleanText(text.empty() ? "nothing changed\n" : text));
}

} // namespace

int runSet(const Command& self, const std::vector<std::string>& arguments) {
    std::string name;
    std::vector<std::string> settings;
    std::vector<std::string> unset;
    bool runtime = false;
    bool stored = false;
    Arguments options("set", std::string(self.summary) +
                                 ".\nAll of it is checked before any of it is done. Each key that changes is told with "
                                 "whether it is in\neffect now or waits; see 'zonectl help definition' for the keys.");
    options.operand("NAME", name, "The zone");
    options.operands("KEY=VALUE", settings, "A key of the definition and its new value; none takes the key away", true);
    options.repeatedOption("-u,--unset", unset, "KEY", "Take the key away");
    options.flag("-r,--runtime", runtime, "Change only the running zone, until its next boot");
    options.flag("-s,--stored", stored, "Change only the stored definition");
    options.examples("zonectl set web resources.memory=1G resources.cpus=2\n"
                     "zonectl set web --runtime resources.cpu-set=0-1\n"
                     "zonectl set web 'resources.io=[{device: disk, write: 20M}]'\n"
                     "zonectl set web --unset resources.memory");
    options.parse(arguments);
    if (runtime && stored) {
        throw UsageError("set: --runtime and --stored exclude each other");
    }
    Pairs pairs;
    for (const std::string& setting : settings) {
        pairs.push_back(parseSetting(setting));
    }
    for (const std::string& key : unset) {
        pairs.emplace_back(key, "");
    }
    if (pairs.empty()) {
        throw UsageError("set: KEY=VALUE or --unset KEY is needed");
    }

    Client client;
    try {
        report(client.set(client.zone(name), pairs, runtime, stored));
    } catch (const BusError& e) {
        reportFailure("set keys of zone " + name, e.what());
        return 1;
    }
    return 0;
}

} // namespace zoned::ctl
