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

void JobObject::Cancel() {
    answer("Cancel of job " + std::to_string(info_.id), [&] {
        requirePermission(getObject(), Verb::cancelJob, "job " + std::to_string(info_.id));
        domain_.jobs.cancel(info_.id);
    });
}

} // namespace zoned::daemon
