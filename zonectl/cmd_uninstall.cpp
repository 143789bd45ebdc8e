#include "arguments.hpp"
#include "command.hpp"
#include "jobs.hpp"
#include "terminal.hpp"
#include "zone_verbs.hpp"

namespace zoned::ctl {

int runUninstall(const Command& self, const std::vector<std::string>& arguments) {
    std::vector<std::string> names;
    bool force = false;
    Arguments options("uninstall",
                      std::string(self.summary) + ".\nThe definition stays; install makes a fresh root of it.");
    options.flag("-f,--force", force, "Do not ask");
    addZoneNames(options, names);
    options.examples("zonectl uninstall web\nzonectl uninstall --force web db");
    options.parse(arguments);
    if (!force && !confirm(removalQuestion(names))) {
        return 1;
    }
    return forEachZone(names, "uninstall", "uninstalled", {"", "configured"},
                       [](Client& client, const ObjectPath& zone) { return client.uninstall(zone); });
}

} // namespace zoned::ctl
