// /org/zoned1/job/N; see lib/api/org.zoned1.Job.xml.
#pragma once

#include "api/job_adaptor.hpp"
#include "bus_objects.hpp"

namespace zoned::daemon {

class JobObject final : public sdbus::AdaptorInterfaces<org::zoned1::Job_adaptor, sdbus::ManagedObject_adaptor> {
public:
    JobObject(sdbus::IConnection& connection, Domain domain, JobInfo info);
    ~JobObject();
    JobObject(const JobObject&) = delete;
    JobObject& operator=(const JobObject&) = delete;

    void changed(const JobInfo& info);

private:
    std::uint32_t Id() override { return info_.id; }
    std::string Kind() override { return info_.kind; }
    std::string Object() override { return info_.hold.name; }
    std::int64_t Began() override { return std::chrono::system_clock::to_time_t(info_.began); }
    double Progress() override { return info_.progress; }
    std::string Message() override { return info_.message; }
    void Cancel(sdbus::Result<>&& result) override;

    Domain domain_;
    JobInfo info_;
};

} // namespace zoned::daemon
