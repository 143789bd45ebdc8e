#include "job_objects.hpp"

namespace zoned::daemon {

JobObjects::JobObjects(sdbus::IConnection& connection, const Domain& domain)
    : ObjectFamily(connection, api::jobFolder), domain_(domain) {}

void JobObjects::add(const JobInfo& info) {
    ObjectFamily::add(api::jobPath(info.id), info);
}

void JobObjects::remove(const JobInfo& info) {
    ObjectFamily::remove(api::jobPath(info.id));
}

void JobObjects::changed(const JobInfo& info) {
    const std::string path = api::jobPath(info.id);
    JobInfo* const told = subjectOf(path);
    if (told == nullptr) {
        return;
    }
    std::vector<std::string> names;
    if (info.progress != told->progress) {
        names.emplace_back("Progress");
    }
    if (info.message != told->message) {
        names.emplace_back("Message");
    }
    *told = info;
    emitChanged(path, names);
}

Request requestToCancel(const JobInfo& job) {
    Request request{"Cancel of job " + std::to_string(job.id), Verb::manage, {}};
    switch (job.hold.what) {
    case Held::zone:
        request.target = {"zone", job.hold.name};
        break;
    case Held::image:
        request.verb = Verb::image;
        request.target = {"image", job.hold.name};
        break;
    case Held::host: // as Autoboot and ShutdownAll
        break;
    }
    return request;
}

/// A job may be ended by whoever asked for it, and by whoever may ask for such a one. What the service began by itself
/// counts as a change of state, or of images.
void JobObjects::Cancel(sdbus::Result<>&& result) {
    const JobInfo info = subject();
    const std::optional<JobStarter> starter = domain_.jobs.starter(info.id);
    Request request = requestToCancel(info);
    if (starter) {
        request.verb = starter->verb;
    }
    if (starter && starter->uid == callerOf(domain_, getObject()).uid) {
        request.verb = Verb::list; // his own
    }
    authorised(domain_, getObject(), std::move(result), request,
               [domain = domain_, id = info.id] { domain.jobs.cancel(id); });
}

} // namespace zoned::daemon
