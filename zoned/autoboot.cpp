#include "autoboot.hpp"

#include <algorithm>
#include <exception>

#include <spdlog/spdlog.h>

#include "sys/error.hpp"

namespace zoned::daemon {

std::chrono::microseconds backOff(std::chrono::microseconds first, std::uint32_t attempt) {
    constexpr std::chrono::microseconds longest{std::chrono::minutes(1)};
    constexpr std::uint32_t most = 20; // more doublings than lead to the longest pause
    return std::min(longest, first * (std::int64_t{1} << std::min(attempt, most)));
}

void Autoboot::begin(const std::vector<BootWish>& wishes, Limits limits) {
    limits_ = limits;
    items_.clear();
    for (const BootWish& wish : wishes) {
        Item& item = items_[wish.name];
        item.wish = wish;
        if (!wish.problem.empty()) {
            item.phase = Phase::failed;
            item.why = wish.problem;
        }
    }
    turn_ = loop_.defer([this] { next(); });
}

void Autoboot::stop() {
    items_.clear();
    turn_.reset();
}

bool Autoboot::done() const {
    return std::ranges::all_of(items_, [](const auto& entry) { return settled(entry.second); });
}

std::vector<std::string> Autoboot::pending() const {
    std::vector<std::string> names;
    for (const auto& [name, item] : items_) {
        if (!settled(item)) {
            names.push_back(name);
        }
    }
    return names;
}

std::vector<std::string> Autoboot::failures() const {
    std::vector<std::string> texts;
    for (const auto& [name, item] : items_) {
        if (item.phase == Phase::failed) {
            texts.push_back("zone " + name + " was not booted: " + item.why);
        }
    }
    return texts;
}

/// Whether something that the zone waits for is still to come.
bool Autoboot::waits(const Item& item) const {
    const auto open = [this](const std::string& name) {
        const auto found = items_.find(name);
        return found != items_.end() && !settled(found->second);
    };
    return std::ranges::any_of(item.wish.after, open) || std::ranges::any_of(item.wish.needs, open);
}

/// A zone that this one requires and that will not come.
const Autoboot::Item* Autoboot::lacking(const Item& item) const {
    for (const std::string& name : item.wish.needs) {
        const auto found = items_.find(name);
        if (found != items_.end() && found->second.phase == Phase::failed) {
            return &found->second;
        }
    }
    return nullptr;
}

/// The zone to boot next: one that has not failed yet before one that has, then by priority and name.
Autoboot::Item* Autoboot::choose() {
    Item* best = nullptr;
    for (auto& [name, item] : items_) {
        if (item.phase != Phase::waiting || waits(item) || lacking(item) != nullptr) {
            continue;
        }
        if (best == nullptr || item.attempts < best->attempts ||
            (item.attempts == best->attempts && item.wish.priority > best->wish.priority)) {
            best = &item;
        }
    }
    return best;
}

void Autoboot::next() {
    do {
        startSome();
    } while (giveUpDependents()); // which may let others go
    if (breakCycle()) {
        turn_ = loop_.defer([this] { next(); });
    }
    zones_.changed();
}

void Autoboot::startSome() {
    const auto booting = [this] {
        return static_cast<std::size_t>(std::ranges::count_if(
            items_, [](const auto& entry) { return entry.second.phase == Phase::booting && !entry.second.settling; }));
    };
    while (booting() < std::max<std::size_t>(limits_.parallel, 1)) {
        Item* item = choose();
        if (item == nullptr) {
            return;
        }
        start(*item);
    }
}

bool Autoboot::giveUpDependents() {
    bool any = false;
    for (auto& [name, item] : items_) {
        const Item* missing = item.phase == Phase::waiting && !waits(item) ? lacking(item) : nullptr;
        if (missing != nullptr) {
            any = true;
            giveUp(item, "zone " + missing->wish.name + ", which it requires, was not booted: " + missing->why);
        }
    }
    return any;
}

/// Definitions that make a cycle are refused, but files can be changed by hand: nothing may wait for ever.
bool Autoboot::breakCycle() {
    const bool moving = std::ranges::any_of(items_, [](const auto& entry) {
        return entry.second.phase == Phase::booting || entry.second.phase == Phase::pausing;
    });
    if (moving || done()) {
        return false;
    }
    for (auto& [name, item] : items_) {
        if (item.phase == Phase::waiting && waits(item)) {
            giveUp(item, "it and the zones that it waits for wait for each other");
        }
    }
    return true;
}

void Autoboot::start(Item& item) {
    ++item.attempts;
    item.late = item.settling = false;
    try {
        item.job = zones_.boot(item.wish.name);
    } catch (const std::exception& error) {
        failed(item, error.what());
        return;
    }
    item.phase = Phase::booting;
    item.timer = loop_.after(limits_.readyTimeout, [this, &item] {
        item.late = true;
        zones_.cancel(item.job);
    });
}

void Autoboot::settling(const std::string& name) {
    const auto found = items_.find(name);
    if (found == items_.end() || found->second.phase != Phase::booting || found->second.settling) {
        return;
    }
    found->second.settling = true;
    turn_ = loop_.defer([this] { next(); });
}

void Autoboot::jobEnded(std::uint32_t job, const JobEnd& end) {
    const auto found = std::ranges::find_if(
        items_, [job](const auto& entry) { return entry.second.phase == Phase::booting && entry.second.job == job; });
    if (found == items_.end()) {
        return;
    }
    Item& item = found->second;
    item.timer.reset();
    if (!end.fault) {
        item.phase = Phase::up;
    } else if (item.late) {
        failed(item, sys::join("it was not ready after ",
                               std::chrono::duration_cast<std::chrono::seconds>(limits_.readyTimeout).count(),
                               " s and was halted"));
    } else if (*end.fault == zone::FaultKind::cancelled) {
        item.phase = Phase::failed; // somebody does not want it
        item.why = end.text;
    } else {
        failed(item, end.text);
    }
    turn_ = loop_.defer([this] { next(); });
}

void Autoboot::failed(Item& item, const std::string& why) {
    if (item.attempts > item.wish.retries) {
        giveUp(item, why);
        return;
    }
    spdlog::warn("booting zone {} with the host, attempt {} of {}: {}", item.wish.name, item.attempts,
                 item.wish.retries + 1, why);
    item.phase = Phase::pausing;
    item.timer = loop_.after(backOff(limits_.firstPause, item.attempts - 1), [this, &item] {
        item.phase = Phase::waiting;
        next();
    });
}

void Autoboot::giveUp(Item& item, const std::string& why) {
    item.phase = Phase::failed;
    item.why = why;
    spdlog::error("zone {} is not booted with the host: {}", item.wish.name, why);
    zones_.park(item.wish.name, why);
}

} // namespace zoned::daemon
