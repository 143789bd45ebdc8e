#include "upkeep.hpp"

#include <algorithm>
#include <exception>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "autoboot.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::daemon {

using nlohmann::json;

std::string noteText(const UpkeepNote& note) {
    const json text = {
        {"up", note.up}, {"pending", note.pending}, {"restarts", note.restarts}, {"maintenance", note.maintenance}};
    return text.dump(-1, ' ', false, json::error_handler_t::replace);
}

UpkeepNote noteFrom(const std::string& text) {
    try {
        const json note = json::parse(text);
        return {note.at("up"), note.at("pending"), note.at("restarts").get<std::vector<std::int64_t>>(),
                note.at("maintenance")};
    } catch (const json::exception& error) {
        throw sys::Error(std::string("its note is damaged: ") + error.what(), 0);
    }
}

Upkeep::Upkeep(sys::EventLoop& loop, std::string folder, Zones zones, Limits limits)
    : loop_(loop), folder_(std::move(folder)), zones_(std::move(zones)), limits_(limits) {}

void Upkeep::load() {
    sys::makeDirectories(folder_, 0700);
    for (const std::string& name : sys::listDirectory(folder_)) {
        Entry& entry = entries_[name];
        try {
            entry.written = entry.note = noteFrom(sys::readFile(folder_ + "/" + name).value_or(""));
        } catch (const sys::Failure& error) {
            spdlog::error("zone {}: whether it was to be restarted is not known: {}", name, error.what());
        }
        if (!entry.note.maintenance.empty()) {
            zones_.maintenance(name, entry.note.maintenance);
        }
    }
}

void Upkeep::begin() {
    begun_ = true;
    for (auto& [name, entry] : entries_) {
        if (entry.note.pending) {
            schedule(name);
        }
    }
}

void Upkeep::suspend(bool suspended) {
    suspended_ = suspended;
    if (!suspended) {
        return;
    }
    for (auto& [name, entry] : entries_) {
        entry.timer.reset();
        entry.note.pending = false;
        save(name);
    }
}

void Upkeep::running(const std::string& name) {
    Entry& entry = entries_[name];
    entry.timer.reset();
    entry.note.up = true;
    entry.note.pending = false;
    if (!std::exchange(entry.note.maintenance, "").empty()) {
        zones_.maintenance(name, "");
    }
    save(name);
}

void Upkeep::ended(const std::string& name, const ZoneEnd& end) {
    const auto found = entries_.find(name);
    if (found == entries_.end() || !std::exchange(found->second.note.up, false)) {
        return; // told before, or never up
    }
    const zone::Restart policy = zones_.policy(name);
    if (end.asked || policy == zone::Restart::no || (end.fromInside && policy != zone::Restart::always)) {
        save(name);
        return;
    }
    crashed(name, end.reason);
}

void Upkeep::stopAsked(const std::string& name) {
    if (const auto found = entries_.find(name); found != entries_.end()) {
        found->second.timer.reset();
        found->second.note.pending = false;
        save(name);
    }
}

bool Upkeep::restarts(const std::string& name) const {
    const auto found = entries_.find(name);
    return found != entries_.end() && found->second.note.pending;
}

void Upkeep::forget(const std::string& name) {
    entries_.erase(name);
    (void)sys::removeFile(folder_ + "/" + name);
}

void Upkeep::dropOld(UpkeepNote& note) const {
    const std::int64_t horizon = zones_.uptime() - limits_.window.count();
    std::erase_if(note.restarts, [horizon](std::int64_t when) { return when < horizon; });
}

void Upkeep::crashed(const std::string& name, const std::string& reason) {
    UpkeepNote& note = entries_.at(name).note;
    if (suspended_) {
        save(name);
        return;
    }
    dropOld(note);
    if (note.restarts.size() >= limits_.restarts) {
        park(name, sys::join("it was restarted ", note.restarts.size(), " times within ", limits_.window.count(),
                             " s, and ended again: ", reason));
        return;
    }
    note.pending = true;
    save(name);
    if (begun_) {
        schedule(name);
    }
}

void Upkeep::schedule(const std::string& name) {
    Entry& entry = entries_.at(name);
    dropOld(entry.note);
    const auto pause = backOff(limits_.firstPause, static_cast<std::uint32_t>(entry.note.restarts.size()));
    spdlog::warn("zone {} is restarted in {} s", name,
                 std::chrono::duration_cast<std::chrono::duration<double>>(pause).count());
    entry.timer = loop_.after(pause, [this, key = std::string(name)] { restart(key); });
}

void Upkeep::restart(const std::string& name) {
    Entry& entry = entries_.at(name);
    entry.note.pending = false;
    if (zones_.policy(name) == zone::Restart::no) {
        save(name);
        return; // its definition was changed meanwhile
    }
    entry.note.restarts.push_back(zones_.uptime());
    save(name);
    try {
        entry.job = zones_.boot(name);
    } catch (const zone::Fault& fault) {
        if (fault.kind() == zone::FaultKind::busy) {
            return; // somebody else is at it
        }
        park(name, fault.what());
    } catch (const std::exception& error) {
        park(name, error.what());
    }
}

void Upkeep::jobEnded(std::uint32_t job, const JobEnd& end) {
    const auto found =
        std::ranges::find_if(entries_, [job](const auto& entry) { return entry.second.job == job && job != 0; });
    if (found == entries_.end()) {
        return;
    }
    found->second.job = 0;
    if (end.fault && *end.fault != zone::FaultKind::cancelled) {
        crashed(std::string(found->first), end.text.substr(0, end.text.find('\n')));
    }
}

void Upkeep::park(const std::string& name, const std::string& why) {
    Entry& entry = entries_[name];
    entry.timer.reset();
    entry.note.pending = false;
    entry.note.maintenance = why.substr(0, why.find('\n'));
    save(name);
    spdlog::error("zone {} is in maintenance: {}", name, entry.note.maintenance);
    zones_.maintenance(name, entry.note.maintenance);
}

bool Upkeep::clear(const std::string& name) {
    const auto found = entries_.find(name);
    if (found == entries_.end() || found->second.note.maintenance.empty()) {
        return false;
    }
    found->second.note.maintenance.clear();
    found->second.note.restarts.clear();
    save(name);
    zones_.maintenance(name, "");
    return true;
}

std::string Upkeep::maintenance(const std::string& name) const {
    const auto found = entries_.find(name);
    return found == entries_.end() ? "" : found->second.note.maintenance;
}

/// A zone that is never restarted and not parked needs no note.
void Upkeep::save(const std::string& name) {
    Entry& entry = entries_.at(name);
    UpkeepNote note = entry.note;
    if (zones_.policy(name) == zone::Restart::no) {
        note.up = note.pending = false;
    }
    if (note == entry.written) {
        return;
    }
    try {
        if (note == UpkeepNote{}) {
            (void)sys::removeFile(folder_ + "/" + name);
        } else {
            sys::replaceVolatileFile(folder_ + "/" + name, noteText(note));
        }
        entry.written = note;
    } catch (const sys::Error& error) {
        spdlog::error("zone {}: what it needs to be restarted after this service was could not be noted: {}", name,
                      error.what());
    }
}

} // namespace zoned::daemon
