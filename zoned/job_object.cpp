#include "job_object.hpp"

namespace zoned::daemon {

JobObject::JobObject(sdbus::IConnection& connection, Domain domain, JobInfo info)
    : AdaptorInterfaces(connection, sdbus::ObjectPath(api::jobPath(info.id))), domain_(domain), info_(std::move(info)) {
    registerAdaptor();
    emitInterfacesAddedSignal();
}

JobObject::~JobObject() {
    unregisterAdaptor();
}

void JobObject::changed(const JobInfo& info) {
    std::vector<std::string> names;
    if (info.progress != info_.progress) {
        names.emplace_back("Progress");
    }
    if (info.message != info_.message) {
        names.emplace_back("Message");
    }
    info_ = info;
    api::emitChanged(getObject(), org::zoned1::Job_adaptor::INTERFACE_NAME, names);
}

/// A job may be ended by whoever asked for it, and by whoever may ask for such a one. What the service began by itself
/// counts as a change of state, or of images.
void JobObject::Cancel(sdbus::Result<>&& result) {
    const bool ofZone = info_.hold.what == Held::zone;
    const std::optional<JobStarter> starter = domain_.jobs.starter(info_.id);
    Request request{"Cancel of job " + std::to_string(info_.id),
                    ofZone ? Verb::manage : Verb::image,
                    {ofZone ? "zone" : "image", info_.hold.name}};
    if (starter) {
        request.verb = starter->verb;
    }
    if (starter && starter->uid == callerOf(getObject()).uid) {
        request.verb = Verb::list; // his own
    }
    authorised(domain_, getObject(), std::move(result), request,
               [domain = domain_, id = info_.id] { domain.jobs.cancel(id); });
}

} // namespace zoned::daemon
