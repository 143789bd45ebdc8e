#include "arguments.hpp"
#include "command.hpp"
#include "jobs.hpp"
#include "zone_verbs.hpp"

namespace zoned::ctl {

int runShutdown(const Command& self, const std::vector<std::string>& arguments) {
    std::vector<std::string> names;
    std::string timeout;
    Arguments options("shutdown",
                      std::string(self.summary) + ".\nA zone that is not down when the time is up is halted.");
    options.option("-t,--timeout", timeout, "DURATION",
                   "How long a zone may take (90, 90s, 2m); default: its stop-timeout");
    addZoneNames(options, names);
    options.examples("zonectl shutdown web\nzonectl shutdown --timeout 30s web db");
    options.parse(arguments);
    const auto limit = timeout.empty() ? std::chrono::seconds{0} : parseDuration("--timeout", timeout);
    return forEachZone(names, "shut down", "shut down",
                       [limit](Client& client, const ObjectPath& zone) { return client.shutdown(zone, limit); });
}

} // namespace zoned::ctl
