#include "arguments.hpp"
#include "command.hpp"
#include "jobs.hpp"
#include "zone_verbs.hpp"

namespace zoned::ctl {

int runHalt(const Command& self, const std::vector<std::string>& arguments) {
    std::vector<std::string> names;
    Arguments options("halt", std::string(self.summary) + ".\nAs pulling the plug; shutdown is the clean way.");
    addZoneNames(options, names);
    options.examples("zonectl halt web\nzonectl halt web db");
    options.parse(arguments);
    return forEachZone(names, "halt", "halted", {"", "installed"},
                       [](Client& client, const ObjectPath& zone) { return client.halt(zone); });
}

} // namespace zoned::ctl
