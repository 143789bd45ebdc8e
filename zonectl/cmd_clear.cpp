#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "jobs.hpp"
#include "zone_verbs.hpp"

namespace zoned::ctl {

int runClear(const Command& self, const std::vector<std::string>& arguments) {
    std::vector<std::string> names;
    Arguments options("clear", std::string(self.summary) +
                                   ".\nA zone that could not be booted with the host, or that crashed too often, is "
                                   "left alone\nuntil this is said, or until it is booted; it is not booted by this.");
    addZoneNames(options, names);
    options.examples("zonectl clear web");
    options.parse(arguments);
    Client client;
    int status = 0;
    for (const std::string& name : names) {
        try {
            client.clearMaintenance(client.zone(name));
        } catch (const BusError& e) {
            reportFailure("clear zone " + name, e.what());
            status = 1;
        }
    }
    return status;
}

} // namespace zoned::ctl
