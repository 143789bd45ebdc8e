#include <algorithm>

#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "jobs.hpp"
#include "output.hpp"

namespace zoned::ctl {

int runCancel(const Command& self, const std::vector<std::string>& arguments) {
    std::string id;
    Arguments options("cancel", std::string(self.summary) +
                                    ".\nWhat it had done so far is undone; returns once it has been asked to end.");
    options.operand("JOB", id, "The job's number, see 'zonectl jobs'");
    options.examples("zonectl cancel 12");
    options.parse(arguments);

    Client client;
    try {
        const auto jobs = client.jobs();
        const auto found =
            std::find_if(jobs.begin(), jobs.end(), [&](const JobSummary& job) { return std::to_string(job.id) == id; });
        if (found == jobs.end()) {
            throw BusError("org.zoned1.Error.NoSuchJob", "there is no such job; see 'zonectl jobs'");
        }
        client.cancel(found->path);
    } catch (const BusError& e) {
        reportFailure("cancel job " + id, e.what());
        return 1;
    }
    return 0;
}

} // namespace zoned::ctl
