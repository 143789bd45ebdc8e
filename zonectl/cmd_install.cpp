#include "arguments.hpp"
#include "command.hpp"
#include "jobs.hpp"
#include "zone_verbs.hpp"

namespace zoned::ctl {

int runInstall(const Command& self, const std::vector<std::string>& arguments) {
    std::vector<std::string> names;
    Arguments options("install", std::string(self.summary) +
                                     ".\nThe image is not copied: a zone has a layer of its own above it.");
    addZoneNames(options, names);
    options.examples("zonectl install web");
    options.parse(arguments);
    return forEachZone(names, "install", "installed", {"", "installed"},
                       [](Client& client, const ObjectPath& zone) { return client.install(zone); });
}

} // namespace zoned::ctl
