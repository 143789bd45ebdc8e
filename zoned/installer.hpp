// Install, uninstall and delete: what a zone has on disk.
#pragma once

#include <cstdint>
#include <string>

#include "host.hpp"
#include "jobs.hpp"
#include "registry.hpp"
#include "reserved_ids.hpp"
#include "workers.hpp"

namespace zoned::daemon {

class Installer {
public:
    Installer(const Host& host, Registry& registry, Jobs& jobs, Workers& workers, const ReservedIds& ids)
        : host_(host), registry_(registry), jobs_(jobs), workers_(workers), ids_(ids) {}

    /// Each returns the job's number, and throws what stands against it.
    std::uint32_t install(const std::string& name);
    std::uint32_t uninstall(const std::string& name);
    std::uint32_t remove(const std::string& name);

private:
    void giveRoot(Zone& zone);
    /// Removes the zone's root, then calls `then`; a fault ends the job.
    void takeRoot(const zone::ZoneName& name, std::uint32_t job, const std::function<void()>& then);
    void takeRootNow(const zone::ZoneName& name, std::uint32_t job, const std::function<void()>& then);
    void removeLogs(const std::string& name);
    void end(const zone::ZoneName& name, std::uint32_t job, const std::function<void()>& work);

    const Host& host_;
    Registry& registry_;
    Jobs& jobs_;
    Workers& workers_;
    const ReservedIds& ids_;
};

} // namespace zoned::daemon
