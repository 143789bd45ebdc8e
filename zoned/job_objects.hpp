// /org/zoned1/job/N, all of them; see lib/api/org.zoned1.Job.xml.
#pragma once

#include "api/job_adaptor.hpp"
#include "bus_objects.hpp"
#include "object_family.hpp"

namespace zoned::daemon {

/// The right that it takes to cancel a job that the service began by itself, and what the policy is told of it.
[[nodiscard]] Request requestToCancel(const JobInfo& job);

class JobObjects final : public ObjectFamily<org::zoned1::Job_adaptor, JobInfo> {
public:
    JobObjects(sdbus::IConnection& connection, const Domain& domain);

    void add(const JobInfo& info);
    void remove(const JobInfo& info);
    void changed(const JobInfo& info);

private:
    std::uint32_t Id() override { return subject().id; }
    std::string Kind() override { return subject().kind; }
    std::string Object() override { return subject().hold.name; }
    std::int64_t Began() override { return std::chrono::system_clock::to_time_t(subject().began); }
    double Progress() override { return subject().progress; }
    std::string Message() override { return subject().message; }
    void Cancel(sdbus::Result<>&& result) override;

    Domain domain_;
};

} // namespace zoned::daemon
