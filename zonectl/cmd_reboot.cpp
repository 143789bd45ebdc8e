#include "arguments.hpp"
#include "command.hpp"
#include "jobs.hpp"
#include "zone_verbs.hpp"

namespace zoned::ctl {

int runReboot(const Command& self, const std::vector<std::string>& arguments) {
    std::vector<std::string> names;
    bool force = false;
    Arguments options("reboot", std::string(self.summary) + ".\nThe definition is read anew.");
    options.flag("-f,--force", force, "Halt instead of a clean shutdown");
    addZoneNames(options, names);
    options.examples("zonectl reboot web\nzonectl reboot --force web");
    options.parse(arguments);
    return forEachZone(names, "reboot", "rebooted", {}, // it is running before and after
                       [force](Client& client, const ObjectPath& zone) { return client.reboot(zone, force); });
}

} // namespace zoned::ctl
