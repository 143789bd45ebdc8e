// What supervisors say, and what follows from it: how the request under way ended, why a zone is not running, what
// becomes of a zone whose supervisor has gone.
#include "lifecycle.hpp"

#include <spdlog/spdlog.h>

#include "boot_spec_source.hpp"
#include "border.hpp"
#include "log.hpp"
#include "store/definition_yaml.hpp"
#include "sys/error.hpp"

namespace zoned::daemon {
namespace {

using nlohmann::json;
using zone::Command;
using zone::Fault;
using zone::FaultKind;
using zone::State;
using zone::ZoneName;

/// What everybody may be told of a step: "mount" of "mount:/srv/data".
std::string kindOf(const std::string& step) {
    return step.substr(0, step.find(':'));
}

/// The text as it is in effect for a zone that was rebooted in the group that it was in.
std::string withGroup(const std::string& text, const DefinitionRef& booted) {
    return store::applySettings(text, {{"group", booted ? booted->group : ""}});
}

} // namespace

void Lifecycle::judge(const ZoneName& name, const platform::Status& status) {
    const auto found = operations_.find(name);
    if (found == operations_.end()) {
        return;
    }
    Operation& operation = found->second;
    jobs_.report(operation.job, -1, kindOf(status.step));
    if (operation.ticket == 0 || status.requests < operation.ticket) {
        return;
    }
    if (operation.cancelled) {
        if (!zone::isActive(status.state)) {
            fail(name, FaultKind::cancelled, "the boot of zone " + name.str() + " was cancelled");
        } else if (!status.failure.empty()) {
            fail(name, FaultKind::failed, "cancelling the boot of zone " + name.str() + ": " + status.failure);
        }
        return;
    }
    if (operation.command == Command::halt || operation.command == Command::shutdown) {
        if (!zone::isActive(status.state)) {
            if (operation.command == Command::shutdown && status.killed) {
                jobs_.warn(operation.job, "zone " + name.str() + ": " + status.reason);
            }
            finish(name);
        } else if (!status.failure.empty() || status.state == State::down) {
            fail(name, FaultKind::failed, status.failure.empty() ? status.reason : status.failure);
        }
        return;
    }
    judgeBoot(name, operation, status);
}

void Lifecycle::judgeBoot(const ZoneName& name, const Operation& operation, const platform::Status& status) {
    if (status.state == State::running) {
        if (operation.wait && !status.booted) {
            jobs_.report(operation.job, -1, "waiting until it is ready");
        } else {
            finish(name);
        }
    } else if (status.state == State::ready && operation.command == Command::ready) {
        finish(name);
    } else if (!status.failure.empty()) {
        fail(name, FaultKind::bootFailed, status.failure);
    } else if (!zone::isActive(status.state) || status.state == State::down) {
        // it came up, and went down again before it could be seen running or was ready
        fail(name, FaultKind::bootFailed, status.reason);
    }
}

void Lifecycle::statusChanged(const ZoneName& name, const platform::Status& status) {
    const LogAbout about(name.str());
    Zone* zone = registry_.find(name);
    if (zone == nullptr) {
        spdlog::error("a supervisor runs for zone {}, which is neither defined nor installed; it is halted",
                      name.str());
        if (status.state == State::running || status.state == State::ready) {
            supervisor(name).request({{"type", "halt"}});
        }
        return;
    }
    const bool news = !zone->status || zone->status->reason != status.reason || zone::isActive(zone->status->state);
    if (!zone::isActive(status.state) && news) {
        noteReason(*zone, status);
    }
    const bool ran = zone->status && zone->status->state == State::running;
    if (ran != (status.state == State::running)) {
        markRunning(*zone, !ran);
    }
    zone->status = status;
    zone->down.clear();
    registry_.changed(name);
    // whoever waits for an operation is told of its end, so nobody else need act on it
    const bool told = operations_.contains(name);
    judge(name, status);
    if (status.state == State::running && listener_.running) {
        listener_.running(name.str());
    } else if (!zone::isActive(status.state)) {
        tellEnd(name, status, told);
    }
}

/// Steps follow each other faster than anybody looks, and nothing that the bus shows of a zone is made of them.
void Lifecycle::stepChanged(const ZoneName& name, const std::string& step) {
    if (const auto found = operations_.find(name); found != operations_.end()) {
        jobs_.report(found->second.job, -1, kindOf(step));
    }
}

void Lifecycle::tellEnd(const ZoneName& name, const platform::Status& status, bool asked) {
    if (!listener_.ended) {
        return;
    }
    ZoneEnd end;
    end.fromInside = status.reason == platform::poweredOffReason;
    end.asked = asked || status.asked || (platform::isOrderlyEnd(status.reason) && !end.fromInside);
    end.reason = status.reason;
    listener_.ended(name.str(), end);
}

void Lifecycle::markRunning(const Zone& zone, bool running) {
    if (zone.record) {
        registry_.markRunning(zone.name, running);
    }
}

void Lifecycle::noticePowerLoss() {
    for (const ZoneName& name : registry_.names()) {
        Zone* zone = registry_.find(name);
        try {
            if (zone != nullptr && registry_.storage().ranBefore(name)) {
                platform::Status status;
                status.reason = "the host went down while it ran";
                noteReason(*zone, status);
                registry_.markRunning(name, false);
                registry_.changed(name);
            }
        } catch (const sys::Error& error) {
            spdlog::warn("zone {}: {}", name.str(), error.what());
        }
    }
}

/// Keeps why the zone is not running, beyond its supervisor's life and ours.
void Lifecycle::noteReason(Zone& zone, const platform::Status& status) {
    if (!zone.record || !zone.record->damage.empty() || status.reason.empty()) {
        return;
    }
    store::ZoneRecord record = *zone.record;
    // everybody may read it: what the zone wrote to its console is told with ReadLog, to those who may
    record.lastExit = status.reason;
    if (record.lastExit == zone.record->lastExit) {
        return;
    }
    const LogAbout about(zone.name.str());
    attempt("noting why it is not running", [&] { registry_.saveRecord(zone.name, record); });
}

/// The state is as it was told; whoever waits for what was to follow from it waits in vain.
void Lifecycle::handlingFailed(const ZoneName& name, const Fault& fault) noexcept {
    attempt("failing the request at hand", [&] {
        if (operations_.contains(name)) {
            fail(name, fault);
        }
    });
}

void Lifecycle::supervisorLost(const ZoneName& name) {
    Zone* zone = registry_.find(name);
    if (zone != nullptr && zone->status) {
        zone->cleaningUp = zone::isActive(zone->status->state);
        zone->status.reset();
        registry_.changed(name);
    }
}

/// Its zone may well run: it must not be taken for one that is installed, and nothing of it given away.
void Lifecycle::supervisorSilent(const ZoneName& name) {
    if (Zone* zone = registry_.find(name)) {
        zone->down = "its supervisor does not answer; halt kills it and takes the zone down";
        registry_.changed(name);
    }
}

void Lifecycle::supervisorEnded(const ZoneName& name, const SupervisorEnd& end) {
    const LogAbout about(name.str());
    if (Zone* zone = registry_.find(name)) {
        zone->cleaningUp = false;
        zone->status.reset();
        markRunning(*zone, false);
        zone->down = end.cleanUpProblem;
        // one that died while it was booting took the boot with it; an idle one took nothing
        const auto asked = operations_.find(name);
        const bool lostABoot = end.died && asked != operations_.end() && asked->second.ticket != 0;
        if ((end.wasUp || lostABoot) && end.cleanUpProblem.empty()) {
            noteReason(*zone, end.last);
        }
        registry_.changed(name);
        if (end.wasUp && end.cleanUpProblem.empty()) {
            tellEnd(name, end.last, operations_.contains(name));
        }
    }
    if (end.died) {
        spdlog::warn("zone {}: {}", name.str(), end.cleanUpProblem.empty() ? end.last.reason : end.cleanUpProblem);
    }
    const auto found = operations_.find(name);
    if (found == operations_.end()) {
        return;
    }
    Operation& operation = found->second;
    const bool stopping = operation.command == Command::halt || operation.command == Command::shutdown;
    if (!end.cleanUpProblem.empty()) {
        fail(name, FaultKind::failed, end.cleanUpProblem);
    } else if (stopping) {
        finish(name); // whatever ended it: it is down
    } else if (operation.cancelled) {
        fail(name, FaultKind::cancelled, "the boot of zone " + name.str() + " was cancelled");
    } else if (operation.ticket == 0) {
        // it has not been sent: the next supervisor is being started for it
    } else if (end.died) {
        fail(name, FaultKind::bootFailed, end.last.reason);
    } else if (end.last.requests >= operation.ticket) {
        judge(name, end.last);
    } else if (operation.launches < 2 && operation.command != Command::reboot) {
        operation.ticket = 0;
        send(name);
    } else {
        fail(name, FaultKind::bootFailed, "its supervisor ended without doing it");
    }
}

/// The zone is down between two boots: the second takes the definition as it is now.
void Lifecycle::specWanted(const ZoneName& name) {
    const LogAbout about(name.str());
    try {
        Zone& zone = registry_.refresh(name.str());
        const BuiltSpec built = resolveBootSpec(host_, registry_, zone, {}, &network_);
        warn(name, built.warnings);
        if (launcher_.hasMoved(name)) {
            warn(name, {"zone " + name.str() + " stays in the group that it is in until it is shut down and booted"});
        }
        noteBooted(name, launcher_.hasMoved(name) ? withGroup(*zone.text, zone.booted) : *zone.text);
        supervisor(name).tell(
            {{"type", "boot"}, {"spec", json::parse(platform::toJson(built.spec))}, {"target", "running"}});
    } catch (const std::exception& error) {
        const std::string text =
            "zone " + name.str() + " reboots with the definition that it had before: " + error.what();
        spdlog::warn("{}", text);
        warn(name, {text});
    }
}

Supervisor& Lifecycle::supervisor(const ZoneName& name) {
    std::unique_ptr<Supervisor>& entry = supervisors_[name];
    if (!entry) {
        entry = std::make_unique<Supervisor>(loop_, launcher_, host_, name, *this);
    }
    return *entry;
}

void Lifecycle::supervisorAppeared(const std::string& text) {
    if (ZoneName::problem(text)) {
        return;
    }
    const ZoneName name(text);
    supervisor(name).appeared([this, name](const std::optional<Fault>& fault) {
        if (fault) {
            spdlog::error("zone {}: somebody started its supervisor, but {}", name.str(), fault->what());
        } else {
            bootForUnit(name);
        }
    });
}

/// A supervisor that we did not start boots its zone, if nobody has asked it for anything yet.
void Lifecycle::bootForUnit(const ZoneName& name) {
    const platform::Status* status = supervisor(name).status();
    if (operations_.contains(name) || status == nullptr || status->requests + status->pending > 0) {
        return;
    }
    try {
        boot(name.str(), {});
    } catch (const std::exception& error) {
        spdlog::warn("zone {}: its unit was started, but it is not booted: {}", name.str(), error.what());
        supervisor(name).tell({{"type", "refuse"}, {"text", error.what()}});
    }
}

void Lifecycle::recover(const ZoneName& name, const std::function<void()>& settled) {
    const auto adopting = [this, name](bool now) {
        if (Zone* zone = registry_.find(name)) {
            zone->adopting = now;
        }
    };
    adopting(true);
    supervisor(name).recover([this, name, adopting, settled] {
        adopting(false);
        lookAtUnused(name);
        settled();
    });
}

/// Nothing runs in it. Where units are started by others, too, one that nobody has asked for anything is to be booted, as
/// if it had been started just now: it waited for us, or we were killed before we could ask. Otherwise it has nothing to
/// do, unless somebody views its console: then it stays.
void Lifecycle::lookAtUnused(const ZoneName& name) {
    const platform::Status* status = supervisor(name).status();
    if (status == nullptr || status->requests + status->pending > 0 || zone::isActive(status->state)) {
        return;
    }
    if (status->unasked && !launcher_.ownsCgroup()) {
        waitingUnits_.push_back(name);
    } else {
        supervisor(name).tell({{"type", "quit"}});
    }
}

void Lifecycle::begin() {
    for (const ZoneName& name : std::exchange(waitingUnits_, {})) {
        const LogAbout about(name.str());
        attempt("booting it for its unit", [&] { bootForUnit(name); });
    }
}

} // namespace zoned::daemon
