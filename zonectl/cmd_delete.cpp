#include <set>

#include "arguments.hpp"
#include "command.hpp"
#include "jobs.hpp"
#include "terminal.hpp"
#include "zone_verbs.hpp"

namespace zoned::ctl {

int runDelete(const Command& self, const std::vector<std::string>& arguments) {
    std::vector<std::string> names;
    bool force = false;
    Arguments options("delete",
                      std::string(self.summary) + ".\nA zone that is active must be shut down or halted first.");
    options.flag("-f,--force", force, "Do not ask");
    addZoneNames(options, names);
    options.examples("zonectl delete web\nzonectl delete --force web db");
    options.parse(arguments);
    if (!force && !confirm(removalQuestion(names))) {
        return 1;
    }
    // one after the other: a zone can only go after those that require it
    int status = 0;
    std::set<std::string> seen;
    for (const std::string& name : names) {
        if (seen.insert(name).second) {
            status |= forEachZone({name}, "delete", "deleted", {"", "gone"},
                                  [](Client& client, const ObjectPath& zone) { return client.remove(zone); });
        }
    }
    return status;
}

} // namespace zoned::ctl
