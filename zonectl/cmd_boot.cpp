#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "api/object_path.hpp"
#include "arguments.hpp"
#include "command.hpp"
#include "console_session.hpp"
#include "jobs.hpp"
#include "log_reader.hpp"
#include "output.hpp"
#include "sys/error.hpp"
#include "zone_verbs.hpp"

namespace zoned::ctl {

namespace {

using sys::join;

struct BootOptions {
    std::vector<std::string> names;
    std::vector<std::string> initArgs;
    bool dryRun = false;
    bool console = false;
    bool wait = false;
};

int showPlans(const std::vector<std::string>& names) {
    Client client;
    int status = 0;
    for (const auto& name : names) {
        try {
            Table table("steps", {{"step"}, {"does"}});
            for (const auto& [step, does] : client.plan(client.zone(name))) {
                table.add({{step}, {does}});
            }
            print((names.size() > 1 ? join("zone ", name, ":\n") : "") + table.text());
        } catch (const BusError& e) {
            reportFailure("plan the boot of zone " + name, e.what());
            status = 1;
        }
    }
    return status;
}

int bootOnConsole(const BootOptions& options) {
    const std::string& name = options.names.at(0);
    const std::string what = "boot zone " + name;
    Client client;
    try {
        const ObjectPath zone = client.zone(name);
        // Connected before the boot, so that nothing is missed.
        auto console = client.openConsole(zone);
        const auto start = [&] { return client.boot(zone, options.initArgs, options.wait); };
        return relayConsole(client, std::move(console), ConsoleRequest{name, '~', start, what});
    } catch (const BusError& e) {
        reportFailure(what, e.what());
        return 1;
    }
}

/// The consoles' logs from before the boots on: what an earlier boot has left there explains nothing. Only root may read
/// them without perhaps being asked for a password, so for others there are none.
class ConsoleEnds {
public:
    /// To be called before the boot is asked for.
    void watch(Client& client, const std::string& name) {
        if (::geteuid() != 0) {
            return;
        }
        LogReader log([&client, name] { return client.readLog(client.zone(name), "console"); });
        try {
            log.skip();
        } catch (const BusError&) {
            return; // there is no such zone, which its boot says
        }
        logs_.insert_or_assign(name, std::move(log));
    }

    /// An init that fails to start has said why on the console, more often than not. Everybody is told that the boot
    /// failed; what the zone wrote is for those who may read its log.
    void show(const std::string& name, const JobEnd& end) {
        constexpr std::size_t lines = 10;
        if (end.error != "org.zoned1.Error.BootFailed") {
            return;
        }
        const auto log = logs_.find(name);
        if (log == logs_.end()) {
            printNote("see 'zonectl log " + name + "' for what it wrote to its console");
            return;
        }
        try {
            if (const std::string text = lastLines(log->second.news(), lines); !text.empty()) {
                printError("the log of its console ends:\n" + text.substr(0, text.find_last_not_of('\n') + 1));
            }
        } catch (const BusError& e) {
            reportFailure("show the log of zone " + name, e.what());
        }
    }

private:
    std::map<std::string, LogReader> logs_;
};

/// Zones that others of them wait for come first, and are ready before those are booted.
int bootInOrder(const BootOptions& options) {
    Client client;
    ConsoleEnds consoles;
    const zone::Waits waits = waitsAmong(client, options.names);
    const auto isAwaited = [&](const std::string& name) {
        return std::ranges::any_of(waits, [&](const auto& entry) {
            return std::ranges::find(entry.second, name) != entry.second.end() &&
                   std::ranges::find(options.names, entry.first) != options.names.end();
        });
    };
    int status = 0;
    for (const std::vector<std::string>& group : zone::bootGroups(options.names, waits)) {
        std::vector<Request> requests;
        for (const std::string& name : group) {
            const bool wait = options.wait || isAwaited(name);
            const auto boot = [&options, &consoles, wait](Client& bus, const ObjectPath& zone) {
                consoles.watch(bus, api::nameInPath(zone, "zone"));
                return bus.boot(zone, options.initArgs, wait);
            };
            const auto showEnd = [&consoles](Client&, const std::string& failed, const JobEnd& end) {
                consoles.show(failed, end);
            };
            std::ranges::move(zoneRequests(client, {name}, "boot", options.wait ? "ready" : "booted",
                                           {"", "running", wait}, boot, showEnd),
                              std::back_inserter(requests));
        }
        const Outcomes outcomes = runJobs(client, requests);
        status = std::max(status, outcomes.status());
        if (outcomes.cancelled) {
            return status;
        }
    }
    return status;
}

} // namespace

int runBoot(const Command& self, const std::vector<std::string>& arguments) {
    BootOptions boot;
    Arguments options("boot", std::string(self.summary) +
                                  ".\nIs done when the zone's init runs; with --wait, when the zone says that it is "
                                  "ready.\nOf several zones those that others wait for (after, requires) are booted "
                                  "first, and are ready\nbefore those begin.");
    options.flag("-n,--dry-run", boot.dryRun, "Only print the steps that would be taken");
    options.flag("-c,--console", boot.console, "Attach to the console, from before the start (one zone)");
    options.flag("-w,--wait", boot.wait, "Wait until the zone is ready");
    addZoneNames(options, boot.names);
    options.rest("ARG…", boot.initArgs, "arguments for the zone's init");
    options.examples("zonectl boot web\nzonectl boot --wait web db\nzonectl boot --console web\n"
                     "zonectl boot web -- systemd.unit=rescue.target");
    options.parse(arguments);
    if (boot.dryRun) {
        if (boot.console || boot.wait || !boot.initArgs.empty()) {
            throw UsageError("boot: --dry-run goes with no other option and with no arguments for init");
        }
        return showPlans(boot.names);
    }
    if (boot.console) {
        if (boot.names.size() != 1) {
            throw UsageError("boot: --console takes exactly one zone");
        }
        return bootOnConsole(boot);
    }
    std::set<std::string> seen; // a name given twice is meant once
    std::erase_if(boot.names, [&seen](const std::string& name) { return !seen.insert(name).second; });
    return bootInOrder(boot);
}

} // namespace zoned::ctl
