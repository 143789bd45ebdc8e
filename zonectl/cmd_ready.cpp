#include "arguments.hpp"
#include "command.hpp"
#include "jobs.hpp"
#include "zone_verbs.hpp"

namespace zoned::ctl {

int runReady(const Command& self, const std::vector<std::string>& arguments) {
    std::vector<std::string> names;
    Arguments options("ready", std::string(self.summary) +
                                   ".\nNetwork, limits and mounts are in place afterwards; init is started by boot.");
    addZoneNames(options, names);
    options.examples("zonectl ready web");
    options.parse(arguments);
    return forEachZone(names, "set up", "ready", {"", "ready"},
                       [](Client& client, const ObjectPath& zone) { return client.ready(zone); });
}

} // namespace zoned::ctl
