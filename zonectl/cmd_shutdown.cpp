#include <algorithm>
#include <set>

#include "arguments.hpp"
#include "command.hpp"
#include "jobs.hpp"
#include "zone_verbs.hpp"

namespace zoned::ctl {

int runShutdown(const Command& self, const std::vector<std::string>& arguments) {
    std::vector<std::string> names;
    std::string timeout;
    Arguments options(
        "shutdown", std::string(self.summary) +
                        ".\nA zone that is not down when the time is up is halted. Of several zones those that others "
                        "wait\nfor (after, requires) are shut down after them.");
    options.option("-t,--timeout", timeout, "DURATION",
                   "How long a zone may take (90, 90s, 2m); default: its stop-timeout");
    addZoneNames(options, names);
    options.examples("zonectl shutdown web\nzonectl shutdown --timeout 30s web db");
    options.parse(arguments);
    const auto limit = timeout.empty() ? std::chrono::seconds{0} : parseDuration("--timeout", timeout);
    std::set<std::string> seen; // a name given twice is meant once
    std::erase_if(names, [&seen](const std::string& name) { return !seen.insert(name).second; });
    Client client;
    auto groups = zone::bootGroups(names, waitsAmong(client, names));
    std::ranges::reverse(groups);
    int status = 0;
    for (const std::vector<std::string>& group : groups) {
        const auto send = [limit](Client& bus, const ObjectPath& zone) { return bus.shutdown(zone, limit); };
        const Outcomes outcomes =
            runJobs(client, zoneRequests(client, group, "shut down", "shut down", {"", "installed"}, send, {}));
        status = std::max(status, outcomes.status());
        if (outcomes.cancelled) {
            return status;
        }
    }
    return status;
}

} // namespace zoned::ctl
