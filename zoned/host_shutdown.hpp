// Stopping all zones with the host: those that others wait for last, all within
// one span of time, after which what runs is halted.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "jobs.hpp"
#include "sys/event_loop.hpp"

namespace zoned::daemon {

/// A zone to stop.
struct StopWish {
    std::string name;
    bool halt = false;              // at once, not cleanly
    std::vector<std::string> first; // zones that go down before it, where they are among the wishes
};

class HostShutdown {
public:
    struct Zones {
        /// Each begins and returns a job. They throw std::exception.
        std::function<std::uint32_t(const std::string& name)> shutdown;
        std::function<std::uint32_t(const std::string& name)> halt;
        /// One more is down, or given up.
        std::function<void()> changed;
    };

    HostShutdown(sys::EventLoop& loop, Zones zones) : loop_(loop), zones_(std::move(zones)) {}

    /// @param total for all of them together; halting what is left may take a little longer
    void begin(const std::vector<StopWish>& wishes, std::chrono::microseconds total);
    /// To be told of the end of every job.
    void jobEnded(std::uint32_t job, const JobEnd& end);

    [[nodiscard]] bool done() const;
    [[nodiscard]] std::vector<std::string> pending() const;
    [[nodiscard]] std::size_t count() const noexcept { return items_.size(); }
    /// What did not go as it should: "zone db was halted: …".
    [[nodiscard]] const std::vector<std::string>& remarks() const noexcept { return remarks_; }

private:
    enum class Phase { waiting, stopping, halting, gone };
    struct Item {
        StopWish wish;
        Phase phase = Phase::waiting;
        std::uint32_t job = 0;
    };
    void next();
    [[nodiscard]] bool waits(const Item& item) const;
    void stop(Item& item);
    void halt(Item& item, const std::string& why);
    void timeOver();

    sys::EventLoop& loop_;
    Zones zones_;
    std::map<std::string, Item> items_;
    std::vector<std::string> remarks_;
    std::chrono::microseconds total_{0};
    sys::EventLoop::Source turn_;
    sys::EventLoop::Source deadline_;
};

} // namespace zoned::daemon
