// Numbers of jobs. A job is known by its number in messages, and in its path on
// the bus, where somebody may wait for it over a restart of the service: so no
// service gives out a number that one before it did, as long as the host runs.
//
// RUN/last-job says which numbers may have been given out. It is written once
// for a hundred of them, ahead; a restart leaves the rest of a hundred out.
#pragma once

#include <cstdint>
#include <string>

namespace zoned::daemon {

class JobNumbers {
public:
    /// Counts from 1, for a service that is never restarted: a test's.
    JobNumbers() = default;
    /// @param path RUN/last-job; where it is damaged, the count goes on from the host's uptime, in hundredths of a second:
    /// above what so many jobs could have been
    explicit JobNumbers(std::string path);

    [[nodiscard]] std::uint32_t next();

private:
    void reserve();

    std::string path_;
    std::uint32_t last_ = 0;
    std::uint32_t reserved_ = 0; // those up to this one may be given out
};

} // namespace zoned::daemon
