// The whole service: its parts, put together, and the objects that show them
// on the bus.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accounts.hpp"
#include "bus.hpp"
#include "clerk.hpp"
#include "host.hpp"
#include "host_boot.hpp"
#include "image_jobs.hpp"
#include "image_objects.hpp"
#include "installer.hpp"
#include "job_objects.hpp"
#include "jobs.hpp"
#include "launcher.hpp"
#include "lifecycle.hpp"
#include "lookups.hpp"
#include "machined.hpp"
#include "manager_object.hpp"
#include "network.hpp"
#include "oom_watch.hpp"
#include "polkit.hpp"
#include "registry.hpp"
#include "reserved_ids.hpp"
#include "run_watch.hpp"
#include "statistics.hpp"
#include "workers.hpp"
#include "zone_objects.hpp"

namespace zoned::daemon {

class Service {
public:
    Service(sys::EventLoop& loop, Host host);
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    /// Reads what is on disk, adopts the supervisors that run, cleans up after those that do not, and then takes
    /// the name on the bus and calls `ready`: who talks to us sees the state as it is.
    void start(std::function<void()> ready);

private:
    [[nodiscard]] Domain domain();
    [[nodiscard]] Authorities authorities();
    [[nodiscard]] GroupOf groupOf();
    [[nodiscard]] ResourcesOf resourcesOf();
    void publishZones();
    void publishJobs();
    void zoneChanged(const Zone& zone, const std::vector<std::string>& properties);
    void outOfMemory(const zone::ZoneName& name, std::uint64_t killed, std::uint64_t total);
    void showBusy(const JobInfo& job);
    void jobEnded(const JobInfo& job, const JobEnd& end);
    void recover();
    void recovered();
    void open();
    void lookAfterNetwork();
    void repairNetwork();
    void watchNetwork();

    sys::EventLoop& loop_;
    Host host_;
    Bus bus_;
    Clerk clerk_;
    Jobs jobs_;
    Workers workers_;
    Lookups lookups_;
    Accounts accounts_;
    Registry registry_;
    ReservedIds ids_;
    std::unique_ptr<Launcher> launcher_;
    Network network_;
    Lifecycle lifecycle_;
    Installer installer_;
    ImageJobs imageJobs_;
    Polkit polkit_;
    Authorizer authorizer_;
    HostBoot hostBoot_;
    Statistics statistics_;
    Machined machined_;
    OomWatch oomWatch_;

    std::unique_ptr<ManagerObject> manager_;
    std::unique_ptr<ZoneObjects> zoneObjects_;
    std::unique_ptr<ImageObjects> imageObjects_;
    std::unique_ptr<JobObjects> jobObjects_;

    std::function<void()> ready_;
    std::size_t recovering_ = 0;
    sys::EventLoop::Source opening_;
    sys::EventLoop::Source tidying_;
    std::optional<RunWatch> runWatch_;
};

} // namespace zoned::daemon
