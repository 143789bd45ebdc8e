#include "host_boot.hpp"

#include <algorithm>
#include <ctime>
#include <sstream>
#include <thread>

#include <spdlog/spdlog.h>

#include "log.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::daemon {
namespace {

using zone::Fault;
using zone::FaultKind;
using zone::State;
using zone::ZoneName;

const Hold hostHold{Held::host, "host"};

std::int64_t uptime() {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec;
}

std::string joined(const std::vector<std::string>& words, const char* separator) {
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : separator) + word;
    }
    return text;
}

/// Why a zone in this state cannot be booted; "" where it can.
std::string unbootable(const ZoneView& view) {
    if (!view.problem.empty()) {
        return "its definition cannot be used: " + view.problem;
    }
    if (!view.maintenance.empty()) {
        return "it is in maintenance: " + view.maintenance;
    }
    if (view.state == State::installed || view.state == State::ready || view.state == State::running) {
        return "";
    }
    return sys::join("it is ", zone::stateName(view.state), view.reason.empty() ? "" : ": ", view.reason);
}

} // namespace

HostBoot::HostBoot(sys::EventLoop& loop, const Host& host, Registry& registry, Jobs& jobs, Lifecycle& lifecycle)
    : host_(host), registry_(registry), jobs_(jobs), lifecycle_(lifecycle),
      upkeep_(loop, host.paths.run + "/upkeep", upkeepZones(),
              {host.settings.boot.restartLimit, host.settings.boot.restartWindow, std::chrono::seconds(1)}),
      autoboot_(loop, {[this](const std::string& name) {
                           return lifecycle_.boot(name, {{}, true});
                       },
                       [this](std::uint32_t job) {
                           try {
                               jobs_.cancel(job);
                           } catch (const Fault& error) {
                               spdlog::error("{}", error.what()); // it ends by itself, then
                           }
                       },
                       [this](const std::string& name, const std::string& why) {
                           if (registry_.find(ZoneName(name)) != nullptr) { // else it was deleted meanwhile
                               upkeep_.park(name, why);
                           }
                       },
                       [this] { bootChanged(); }}),
      shutdown_(loop,
                {[this](const std::string& name) { return lifecycle_.shutdown(name, 0); },
                 [this](const std::string& name) { return lifecycle_.halt(name); }, [this] { shutdownChanged(); }}) {
    Lifecycle::Listener listener;
    listener.running = [this](const std::string& name) {
        upkeep_.running(name);
        const Zone* zone = registry_.find(ZoneName(name));
        if (zone != nullptr && zone->status && !zone::tellsReadiness(zone->status->initKind)) {
            autoboot_.settling(name);
        }
    };
    listener.ended = [this](const std::string& name, const ZoneEnd& end) { upkeep_.ended(name, end); };
    listener.stopAsked = [this](const std::string& name) { upkeep_.stopAsked(name); };
    lifecycle_.listen(std::move(listener));
}

Upkeep::Zones HostBoot::upkeepZones() {
    const auto find = [this](const std::string& name) -> Zone* {
        return ZoneName::problem(name) ? nullptr : registry_.find(ZoneName(name));
    };
    return {[find](const std::string& name) {
                const Zone* zone = find(name);
                return zone != nullptr && zone->definition ? zone->definition->restart : zone::Restart::no;
            },
            [this](const std::string& name) { return lifecycle_.boot(name, {}); },
            [this, find](const std::string& name, const std::string& why) {
                if (Zone* zone = find(name)) {
                    zone->maintenance = why;
                    registry_.changed(zone->name);
                }
            },
            uptime};
}

void HostBoot::load() {
    upkeep_.load();
}

/// What an autoboot that a restart of the service interrupted has still to boot; nothing where none was noted.
std::optional<std::string> HostBoot::pendingNote() const {
    try {
        return sys::readFile(host_.paths.run + "/autoboot");
    } catch (const sys::Error& error) {
        spdlog::error("which zones are still to be booted with the host is not known: {}", error.what());
        return std::nullopt;
    }
}

void HostBoot::begin() {
    upkeep_.begin();
    const auto pending = pendingNote();
    if (!pending) {
        if (const auto names = autobootNames(); !host_.systemd && !names.empty()) {
            startBoot(names);
        } else if (!host_.systemd) {
            notePending({});
        }
        return;
    }
    noted_ = *pending;
    std::set<std::string> names;
    std::istringstream lines(*pending);
    for (std::string name; std::getline(lines, name);) {
        names.insert(name);
    }
    if (!names.empty()) {
        startBoot(names);
    }
}

std::uint32_t HostBoot::bootAll() {
    return startBoot(autobootNames());
}

std::set<std::string> HostBoot::autobootNames() const {
    std::set<std::string> names;
    for (const ZoneName& name : registry_.names()) {
        const ZoneView& view = registry_.view(name);
        if (view.autoboot && view.state != State::configured) {
            names.insert(name.str());
        }
    }
    return names;
}

std::uint32_t HostBoot::startBoot(const std::set<std::string>& names) {
    const std::uint32_t job = jobs_.start("autoboot", hostHold);
    jobs_.onCancel(job, [this, job] {
        autoboot_.stop();
        notePending({});
        bootJob_ = 0;
        jobs_.fail(job, FaultKind::cancelled,
                   "booting zones with the host was cancelled; those that it had begun go on");
    });
    bootJob_ = job;
    unknown_ = invalidZones();
    Autoboot::Limits limits;
    limits.parallel = host_.settings.boot.parallel != 0 ? host_.settings.boot.parallel
                                                        : std::max(1U, std::thread::hardware_concurrency());
    limits.readyTimeout = host_.settings.boot.readyTimeout;
    try {
        const std::vector<BootWish> wishes = bootWishes(names);
        std::vector<std::string> all;
        for (const BootWish& wish : wishes) {
            all.push_back(wish.name);
        }
        notePending(all);
        autoboot_.begin(wishes, limits);
    } catch (const std::exception& error) {
        jobs_.fail(std::exchange(bootJob_, 0), zone::faultOf(error));
    }
    return job;
}

/// Whether such a zone is to boot with the host cannot be told.
std::vector<std::string> HostBoot::invalidZones() const {
    std::vector<std::string> texts;
    for (const ZoneName& name : registry_.names()) {
        const ZoneView& view = registry_.view(name);
        if (view.state == State::installed && !view.problem.empty()) {
            texts.push_back("zone " + name.str() + " is not booted: its definition cannot be used; see zonectl show " +
                            name.str());
        }
    }
    return texts;
}

/// Those named and what they require, without those that are up.
std::vector<BootWish> HostBoot::bootWishes(std::set<std::string> names) {
    std::vector<BootWish> wishes;
    std::set<std::string> seen;
    while (!names.empty()) {
        const std::string name = *names.begin();
        names.erase(names.begin());
        Zone* zone = ZoneName::problem(name) ? nullptr : registry_.find(ZoneName(name));
        if (!seen.insert(name).second || zone == nullptr) {
            continue;
        }
        const ZoneView& view = registry_.view(zone->name);
        if (view.state == State::running && view.booted) {
            continue;
        }
        BootWish wish;
        wish.name = name;
        wish.problem = unbootable(view);
        if (zone->definition) {
            wish.priority = zone->definition->bootPriority;
            wish.after = zone->definition->after;
            wish.needs = zone->definition->needs;
            wish.retries = zone->definition->bootRetries;
            names.insert(wish.needs.begin(), wish.needs.end());
        }
        if (!wish.problem.empty()) {
            spdlog::error("zone {} cannot be booted with the host: {}", name, wish.problem);
        }
        wishes.push_back(std::move(wish));
    }
    return wishes;
}

void HostBoot::bootChanged() {
    if (bootJob_ == 0) {
        return;
    }
    const std::vector<std::string> pending = autoboot_.pending();
    notePending(pending);
    if (!pending.empty()) {
        jobs_.report(bootJob_, 1 - static_cast<double>(pending.size()) / static_cast<double>(autoboot_.count()),
                     "waiting for " + joined(pending, ", "));
        return;
    }
    endBoot();
}

/// Zones that could not be booted make it a failure, for whoever waits; one whose definition cannot be used may not be
/// meant to boot with the host at all.
void HostBoot::endBoot() {
    const std::uint32_t job = std::exchange(bootJob_, 0);
    std::vector<std::string> failures = autoboot_.failures();
    if (!failures.empty()) {
        failures.insert(failures.end(), unknown_.begin(), unknown_.end());
        jobs_.fail(job, FaultKind::bootFailed, joined(failures, "\n"));
        return;
    }
    for (const std::string& text : unknown_) {
        jobs_.warn(job, text);
    }
    jobs_.finish(job);
}

void HostBoot::notePending(const std::vector<std::string>& names) {
    const std::string path = host_.paths.run + "/autoboot";
    const std::string text = joined(names, "\n");
    if (text == noted_ && sys::exists(path)) {
        return;
    }
    try {
        sys::replaceVolatileFile(path, text);
        noted_ = text;
    } catch (const sys::Error& error) {
        spdlog::error("{}", error.what());
    }
}

/// Whether there is anything to stop: also a zone whose boot has just begun.
bool HostBoot::isHeldUp(const Zone& zone) const {
    const JobInfo* job = jobs_.holder({Held::zone, zone.name.str()});
    return zone::isActive(stateOf(zone)) || (job != nullptr && (job->kind == "boot" || job->kind == "ready"));
}

std::vector<StopWish> HostBoot::stopWishes() {
    std::map<std::string, StopWish> wishes;
    for (const ZoneName& name : registry_.names()) {
        const Zone* zone = registry_.find(name);
        if (isHeldUp(*zone)) {
            StopWish& wish = wishes[name.str()];
            wish.name = name.str();
            wish.halt = zone->definition && zone->definition->hostShutdown == zone::HostShutdown::halt;
        }
    }
    for (auto& [name, wish] : wishes) {
        const Zone* zone = registry_.find(ZoneName(name));
        if (!zone->definition) {
            continue;
        }
        for (const auto* waited : {&zone->definition->after, &zone->definition->needs}) {
            for (const std::string& other : *waited) {
                if (const auto found = wishes.find(other); found != wishes.end()) {
                    found->second.first.push_back(name);
                }
            }
        }
    }
    std::vector<StopWish> list;
    for (auto& [name, wish] : wishes) {
        list.push_back(std::move(wish));
    }
    return list;
}

std::uint32_t HostBoot::shutdownAll() {
    if (bootJob_ != 0) {
        autoboot_.stop();
        notePending({});
        jobs_.fail(std::exchange(bootJob_, 0), FaultKind::cancelled, "all zones are shut down");
    }
    const std::uint32_t job = jobs_.start("shutdown-all", hostHold);
    shutdownJob_ = job;
    upkeep_.suspend(true);
    try {
        shutdown_.begin(stopWishes(), host_.settings.boot.shutdownTimeout);
    } catch (const std::exception& error) {
        upkeep_.suspend(false);
        jobs_.fail(std::exchange(shutdownJob_, 0), zone::faultOf(error));
    }
    return job;
}

void HostBoot::shutdownChanged() {
    if (shutdownJob_ == 0) {
        return;
    }
    const std::vector<std::string> pending = shutdown_.pending();
    if (!pending.empty()) {
        jobs_.report(shutdownJob_, 1 - static_cast<double>(pending.size()) / static_cast<double>(shutdown_.count()),
                     "waiting for " + joined(pending, ", "));
        return;
    }
    for (const std::string& remark : shutdown_.remarks()) {
        jobs_.warn(shutdownJob_, remark);
    }
    upkeep_.suspend(false);
    jobs_.finish(std::exchange(shutdownJob_, 0));
}

void HostBoot::clearMaintenance(const std::string& name) {
    upkeep_.clear(registry_.zone(name).name.str());
}

void HostBoot::unitStopped(const ZoneName& name) {
    if (upkeep_.restarts(name.str())) {
        const LogAbout about(name.str());
        spdlog::info("zone {} is not restarted: its unit was stopped", name.str());
        upkeep_.stopAsked(name.str());
    }
}

void HostBoot::jobEnded(const JobInfo& job, const JobEnd& end) {
    autoboot_.jobEnded(job.id, end);
    shutdown_.jobEnded(job.id, end);
    upkeep_.jobEnded(job.id, end);
}

} // namespace zoned::daemon
