#include "host_shutdown.hpp"

#include <algorithm>
#include <exception>

#include <spdlog/spdlog.h>

#include "sys/error.hpp"

namespace zoned::daemon {

void HostShutdown::begin(const std::vector<StopWish>& wishes, std::chrono::microseconds total) {
    items_.clear();
    remarks_.clear();
    total_ = total;
    for (const StopWish& wish : wishes) {
        items_[wish.name].wish = wish;
    }
    deadline_ = loop_.after(total, [this] { timeOver(); });
    turn_ = loop_.defer([this] { next(); });
}

bool HostShutdown::done() const {
    return pending().empty();
}

std::vector<std::string> HostShutdown::pending() const {
    std::vector<std::string> names;
    for (const auto& [name, item] : items_) {
        if (item.phase != Phase::gone) {
            names.push_back(name);
        }
    }
    return names;
}

bool HostShutdown::waits(const Item& item) const {
    return std::ranges::any_of(item.wish.first, [this](const std::string& name) {
        const auto found = items_.find(name);
        return found != items_.end() && found->second.phase != Phase::gone;
    });
}

void HostShutdown::next() {
    bool moving = true; // a zone that is gone at once lets others go
    while (moving) {
        moving = false;
        for (auto& [name, item] : items_) {
            if (item.phase == Phase::waiting && !waits(item)) {
                stop(item);
                moving = moving || item.phase == Phase::gone;
            }
        }
    }
    const bool stuck = !done() && std::ranges::none_of(items_, [](const auto& entry) {
        return entry.second.phase == Phase::stopping || entry.second.phase == Phase::halting;
    });
    if (stuck) { // definitions changed by hand into a cycle
        for (auto& [name, item] : items_) {
            if (item.phase == Phase::waiting) {
                stop(item);
            }
        }
    }
    if (done()) {
        deadline_.reset();
    }
    zones_.changed();
}

void HostShutdown::stop(Item& item) {
    if (item.wish.halt) {
        halt(item, "");
        return;
    }
    try {
        item.job = zones_.shutdown(item.wish.name);
        item.phase = Phase::stopping;
    } catch (const std::exception& error) {
        halt(item, error.what()); // it is being booted, perhaps
    }
}

void HostShutdown::halt(Item& item, const std::string& why) {
    if (!why.empty()) {
        remarks_.push_back("zone " + item.wish.name + " was halted: " + why);
    }
    try {
        item.job = zones_.halt(item.wish.name);
        item.phase = Phase::halting;
    } catch (const std::exception& error) {
        remarks_.push_back("zone " + item.wish.name + " could not be halted: " + error.what());
        spdlog::error("{}", remarks_.back());
        item.phase = Phase::gone;
    }
}

void HostShutdown::jobEnded(std::uint32_t job, const JobEnd& end) {
    const auto found = std::ranges::find_if(items_, [job](const auto& entry) {
        const Item& item = entry.second;
        return (item.phase == Phase::stopping || item.phase == Phase::halting) && item.job == job;
    });
    if (found == items_.end()) {
        return;
    }
    Item& item = found->second;
    if (!end.fault) {
        item.phase = Phase::gone;
        if (!end.text.empty()) {
            remarks_.push_back(end.text);
        }
    } else if (item.phase == Phase::stopping) {
        halt(item, end.text);
    } else {
        remarks_.push_back("zone " + item.wish.name + " could not be halted: " + end.text);
        item.phase = Phase::gone;
    }
    turn_ = loop_.defer([this] { next(); });
}

void HostShutdown::timeOver() {
    const std::string why =
        sys::join("it was not down within the ", std::chrono::duration_cast<std::chrono::seconds>(total_).count(),
                  " s that all zones have together");
    for (auto& [name, item] : items_) {
        if (item.phase == Phase::waiting || item.phase == Phase::stopping) {
            halt(item, why);
        }
    }
    turn_ = loop_.defer([this] { next(); });
}

} // namespace zoned::daemon
