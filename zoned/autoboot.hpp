// Booting zones with the host: which next, how many at once, what after a
// failure.
//
// A zone is begun when all that it waits for is settled: ready, or given up. A
// zone that is required and was given up takes those that require it along. A
// failed boot is tried again after a pause that doubles; a zone that has none
// left is parked, and the others go on. What is done to zones is the caller's
// (Zones), so that this can be tried without any.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "jobs.hpp"
#include "sys/event_loop.hpp"

namespace zoned::daemon {

/// A zone to boot.
struct BootWish {
    std::string name;
    std::uint32_t priority = 0;     // the higher, the earlier
    std::vector<std::string> after; // waited for, where they are among the wishes
    std::vector<std::string> needs; // waited for, and not booted without
    std::uint32_t retries = 0;
    std::string problem; // why it cannot be booted at all; "" where it can
};

class Autoboot {
public:
    struct Zones {
        /// Begins a boot and returns its job, which ends when the zone is ready. Throws std::exception.
        std::function<std::uint32_t(const std::string& name)> boot;
        /// Cancels the boot of a zone that does not become ready: its job ends when the zone is down again.
        std::function<void(std::uint32_t job)> cancel;
        /// The zone is left alone from now on.
        std::function<void(const std::string& name, const std::string& why)> park;
        /// Another zone is settled, or all are.
        std::function<void()> changed;
    };
    struct Limits {
        std::size_t parallel = 1;
        std::chrono::microseconds readyTimeout{std::chrono::minutes(5)};
        std::chrono::microseconds firstPause{std::chrono::seconds(1)};
    };

    Autoboot(sys::EventLoop& loop, Zones zones) : loop_(loop), zones_(std::move(zones)) {}

    /// Begins; wishes that are not settled from an earlier call are forgotten.
    void begin(const std::vector<BootWish>& wishes, Limits limits);
    /// Begins nothing more; boots that are under way are left to themselves.
    void stop();
    /// The zone's init runs, and will not tell when it is ready: what is left of its boot is waiting, which keeps no
    /// other zone from being booted.
    void settling(const std::string& name);
    /// To be told of the end of every job.
    void jobEnded(std::uint32_t job, const JobEnd& end);

    [[nodiscard]] bool done() const;
    /// Zones that are not settled, by name.
    [[nodiscard]] std::vector<std::string> pending() const;
    [[nodiscard]] std::size_t count() const noexcept { return items_.size(); }
    /// "zone db: …" for each that was not booted.
    [[nodiscard]] std::vector<std::string> failures() const;

private:
    enum class Phase { waiting, booting, pausing, up, failed };
    struct Item {
        BootWish wish;
        Phase phase = Phase::waiting;
        std::uint32_t attempts = 0;
        std::uint32_t job = 0;
        bool late = false;     // it was not ready in time
        bool settling = false; // see settling()
        std::string why;       // of failed
        sys::EventLoop::Source timer;
    };
    [[nodiscard]] static bool settled(const Item& item) noexcept {
        return item.phase == Phase::up || item.phase == Phase::failed;
    }
    [[nodiscard]] bool waits(const Item& item) const;
    [[nodiscard]] const Item* lacking(const Item& item) const;
    [[nodiscard]] Item* choose();
    void next();
    void startSome();
    bool giveUpDependents();
    bool breakCycle();
    void start(Item& item);
    void failed(Item& item, const std::string& why);
    void giveUp(Item& item, const std::string& why);

    sys::EventLoop& loop_;
    Zones zones_;
    Limits limits_;
    std::map<std::string, Item> items_;
    sys::EventLoop::Source turn_;
};

/// 1, 2, 4, … times `first`, at most a minute.
[[nodiscard]] std::chrono::microseconds backOff(std::chrono::microseconds first, std::uint32_t attempt);

} // namespace zoned::daemon
