#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "jobs.hpp"

namespace zoned::ctl {

int runHostBoot(const Command& self, const std::vector<std::string>& arguments) {
    bool noWait = false;
    Arguments options("host boot", std::string(self.summary) +
                                       ".\nWhat zones.service does when the host has come up: the zones with autoboot "
                                       "that do not run, in\nthe order that their definitions give them. Where some "
                                       "cannot be booted, the others go on;\nthose are named, are in maintenance, and "
                                       "the exit status is 1.");
    options.flag("-n,--no-wait", noWait, "Only begin; do not wait until all zones are ready");
    options.examples("zonectl host boot");
    options.parse(arguments);
    Client client;
    if (noWait) {
        try {
            (void)client.autoboot();
            return 0;
        } catch (const BusError& e) {
            reportFailure("boot the zones of this host", e.what());
            return 1;
        }
    }
    return runJobs(client, {{"boot all zones of this host", "", [&client] { return client.autoboot(); }}}).status();
}

int runHostShutdown(const Command& self, const std::vector<std::string>& arguments) {
    Arguments options("host shutdown",
                      std::string(self.summary) +
                          ".\nWhat zones.service does before the host goes down: each zone as its host-shutdown says, "
                          "those\nthat others wait for last; what is not down in time (boot.shutdown-timeout of "
                          "zoned.yaml) is\nhalted.");
    options.examples("zonectl host shutdown");
    options.parse(arguments);
    Client client;
    return runJobs(client, {{"shut the zones of this host down", "", [&client] { return client.shutdownAll(); }}})
        .status();
}

} // namespace zoned::ctl
