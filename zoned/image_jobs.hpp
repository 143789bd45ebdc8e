// Images: import, build, delete, as jobs of a worker.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host.hpp"
#include "jobs.hpp"
#include "registry.hpp"
#include "reserved_ids.hpp"
#include "sys/unique_fd.hpp"
#include "workers.hpp"

namespace zoned::daemon {

struct BuildOptions {
    std::string suite;
    std::string mirror; // "": as set in zoned.yaml
    std::vector<std::string> include;
    std::string init = "systemd";
};

/// Throws Fault invalidArgument: what reaches mmdebstrap is only what it must be.
void checkBuildOptions(const BuildOptions& options);

class ImageJobs {
public:
    ImageJobs(const Host& host, Registry& registry, Jobs& jobs, Workers& workers, ReservedIds& ids)
        : host_(host), registry_(registry), jobs_(jobs), workers_(workers), ids_(ids) {}

    /// Each returns the job's number, and throws what stands against it.
    std::uint32_t import(const std::string& name, sys::UniqueFd archive, const std::string& origin);
    std::uint32_t build(const std::string& name, const BuildOptions& options);
    std::uint32_t remove(const std::string& name);

    /// Removes what work that was interrupted left: half-made images and roots, as far as no zone has them.
    void sweep();

private:
    void requireFreeName(const zone::ZoneName& name) const;
    std::uint32_t fill(const zone::ZoneName& name, const std::string& kind, std::vector<std::string> arguments,
                       sys::UniqueFd input, const std::string& origin);
    void filled(const zone::ZoneName& name, std::uint32_t job, const std::string& staging, const std::string& origin,
                const std::variant<WorkerResult, zone::Fault>& result);
    /// Removes folders; `then` is called afterwards, whether it worked or not.
    void discard(const std::vector<std::string>& folders, const std::function<void()>& then);

    const Host& host_;
    Registry& registry_;
    Jobs& jobs_;
    Workers& workers_;
    ReservedIds& ids_;
};

} // namespace zoned::daemon
