#include "lifecycle.hpp"

#include <spdlog/spdlog.h>

#include "boot_spec_source.hpp"
#include "border.hpp"
#include "log.hpp"
#include "platform/limits.hpp"
#include "platform/plan.hpp"
#include "sys/cgroup.hpp"
#include "sys/error.hpp"

namespace zoned::daemon {
namespace {

using nlohmann::json;
using zone::Command;
using zone::Fault;
using zone::FaultKind;
using zone::State;
using zone::ZoneName;

// A supervisor calls a zone that cannot be killed "down" after 10 s; one that says nothing for longer hangs itself.
constexpr std::chrono::seconds haltPatience{15};
// Bringing up takes milliseconds, in which it hears nothing. One that takes longer waits for the host: for the file
// server of a mount, say.
constexpr std::chrono::seconds bootPatience{3};
// A process that was killed, and has not ended by then, the kernel does not let go.
constexpr std::chrono::seconds killPatience{10};

std::string jobKind(Command command) {
    return std::string(zone::commandName(command));
}

json bootMessage(const platform::BootSpec& spec, Command command) {
    return {{"type", "boot"},
            {"spec", json::parse(platform::toJson(spec))},
            {"target", command == Command::ready ? "ready" : "running"}};
}

} // namespace

bool admit(const Zone& zone, Command command) {
    const State state = stateOf(zone);
    switch (zone::transition(state, command).verdict) {
    case zone::Verdict::proceed:
        return true;
    case zone::Verdict::alreadyThere:
        return false;
    case zone::Verdict::refused:
        break;
    }
    const std::string_view advice = zone::advice(state, command);
    const std::string why = state == State::unavailable ? " (" + zone.unavailable + ")" : "";
    throw Fault(FaultKind::wrongState, sys::join("zone ", zone.name.str(), " is ", zone::stateName(state), why,
                                                 advice.empty() ? "" : ": ", advice));
}

std::uint32_t Lifecycle::boot(const std::string& name, const BootOptions& options) {
    return startBoot(name, Command::boot, options);
}

std::uint32_t Lifecycle::ready(const std::string& name) {
    return startBoot(name, Command::ready, {});
}

std::uint32_t Lifecycle::startBoot(const std::string& name, Command command, const BootOptions& options) {
    jobs_.requireFree({Held::zone, name});
    const LogAbout about(name);
    Zone& zone = registry_.toBoot(name);
    if (!zone.unread.empty() && !zone::isActive(stateOf(zone))) {
        throw Fault(FaultKind::invalidDefinition, zone.unread); // which comes before whatever else it lacks
    }
    if (!admit(zone, command)) {
        // it runs; but whoever waits, waits for more than that
        if (!options.wait || !zone.status || zone.status->booted) {
            return alreadyThere(zone, command);
        }
    }
    if (zone.definition && !zone.definition->hostRequires.empty()) {
        return bootAfterUnits(zone, command, options);
    }
    const BuiltSpec built = resolveBootSpec(host_, registry_, zone, options.initArgs, &network_);
    Operation operation;
    operation.command = command;
    operation.wait = options.wait;
    operation.message = bootMessage(built.spec, command);
    if (!zone::isActive(stateOf(zone))) { // a ready zone goes on with what it was set up with
        operation.definition = *zone.text;
    }
    const bool stays = supervisor(zone.name).phase() == Supervisor::Phase::connected && launcher_.hasMoved(zone.name);
    const std::string absent = absentNeeds(zone);
    const std::uint32_t job = begin(zone, std::move(operation));
    for (const std::string& warning : built.warnings) {
        jobs_.warn(job, warning);
    }
    if (stays) {
        jobs_.warn(job, "zone " + name +
                            " comes up in the group that it was in, since its console is open; close it "
                            "and boot the zone again");
    }
    if (!absent.empty()) {
        jobs_.warn(job, absent);
    }
    return job;
}

/// What the zone requires may be what its definition is resolved from, such as a mount: the units come first.
std::uint32_t Lifecycle::bootAfterUnits(const Zone& zone, Command command, const BootOptions& options) {
    const std::vector<std::string> units = zone.definition->hostRequires;
    if (!host_.systemd) {
        throw Fault(FaultKind::bootFailed,
                    "host-requires: no systemd runs this host, so it has no unit " + units.front());
    }
    const std::string absent = absentNeeds(zone);
    Operation operation;
    operation.command = command;
    operation.wait = options.wait;
    const ZoneName name = zone.name;
    const std::uint32_t job = enter(zone, std::move(operation));
    if (!absent.empty()) {
        jobs_.warn(job, absent);
    }
    startHostUnits(name, job, options, units);
    return job;
}

/// Starts the first of the units, then the others, then the boot.
void Lifecycle::startHostUnits(const ZoneName& name, std::uint32_t job, const BootOptions& options,
                               const std::vector<std::string>& units) {
    if (units.empty()) {
        prepareBoot(name, options);
        return;
    }
    jobs_.report(job, -1, "waiting for a unit of the host"); // its name is the definition's
    launcher_.startHostUnit(units.front(), [this, name, job, options, units](const std::string& problem) {
        const auto found = operations_.find(name);
        if (found == operations_.end() || found->second.job != job) {
            return; // cancelled meanwhile
        }
        if (!problem.empty()) {
            fail(name, FaultKind::bootFailed, "host-requires: " + units.front() + ": " + problem);
            return;
        }
        startHostUnits(name, job, options, {units.begin() + 1, units.end()});
    });
}

/// The second half of a boot that had to wait for units of the host.
void Lifecycle::prepareBoot(const ZoneName& name, const BootOptions& options) {
    try {
        Zone& zone = registry_.refresh(name.str());
        const BuiltSpec built = resolveBootSpec(host_, registry_, zone, options.initArgs, &network_);
        warn(name, built.warnings);
        Operation& operation = operations_.at(name);
        if (!zone::isActive(stateOf(zone))) {
            operation.definition = *zone.text;
        }
        operation.message = bootMessage(built.spec, operation.command);
        send(name);
    } catch (const std::exception& error) {
        fail(name, zone::faultOf(error));
    }
}

/// Zones that this one requires and that do not run, for whoever boots it all the same; "" where all do.
std::string Lifecycle::absentNeeds(const Zone& zone) const {
    std::string absent;
    for (const std::string& other : zone.definition ? zone.definition->needs : std::vector<std::string>{}) {
        const Zone* found = registry_.find(ZoneName(other));
        if (found == nullptr || stateOf(*found) != State::running) {
            absent += (absent.empty() ? "" : ", ") + other;
        }
    }
    return absent.empty() ? "" : "zone " + zone.name.str() + " requires zones that do not run: " + absent;
}

std::uint32_t Lifecycle::halt(const std::string& name) {
    Zone& zone = registry_.refresh(name);
    if (listener_.stopAsked) {
        listener_.stopAsked(name);
    }
    if (operations_.contains(zone.name)) {
        // Halt is the one command that need not wait: it ends a boot, a shutdown, a reboot that is under way.
        supersede(zone.name);
    } else {
        jobs_.requireFree({Held::zone, name});
        if (!admit(zone, Command::halt)) {
            return alreadyThere(zone, Command::halt);
        }
    }
    Operation operation;
    operation.command = Command::halt;
    operation.message = {{"type", "halt"}};
    if (!zone.down.empty() && supervisor(zone.name).phase() == Supervisor::Phase::none) {
        const std::uint32_t job = jobs_.start("halt", {Held::zone, name});
        operation.job = job;
        operations_[zone.name] = std::move(operation);
        supervisor(zone.name).cleanUpAgain();
        registry_.changed(zone.name);
        return job;
    }
    operation.deadline = haltDeadline(zone.name);
    return begin(zone, std::move(operation));
}

/// When a supervisor is killed that has not halted its zone.
sys::EventLoop::Source Lifecycle::haltDeadline(const ZoneName& name) {
    const platform::Status* status = supervisor(name).status();
    const bool comesUp = status != nullptr && !status->step.empty();
    return loop_.after(comesUp ? bootPatience : haltPatience, [this, name] { killSupervisor(name); });
}

/// The last means of a halt. What the zone leaves is cleaned up when the supervisor has ended.
void Lifecycle::killSupervisor(const ZoneName& name) {
    const LogAbout about(name.str());
    spdlog::error("zone {}: its supervisor does not halt it; it is killed", name.str());
    sys::killCgroup(platform::supervisorCgroup(launcher_.cgroup(name)));
    if (const auto found = operations_.find(name); found != operations_.end()) {
        found->second.deadline = loop_.after(killPatience, [this, name] {
            fail(name, FaultKind::failed,
                 "the supervisor of zone " + name.str() +
                     " does not end, though killed; it probably waits for a device or a network file system");
        });
    }
}

std::uint32_t Lifecycle::shutdown(const std::string& name, std::uint32_t timeout) {
    if (std::chrono::seconds(timeout) > zone::maxStopTimeout) {
        throw Fault(FaultKind::invalidArgument, "a shutdown's timeout is at most 1h, as stop-timeout is");
    }
    jobs_.requireFree({Held::zone, name});
    Zone& zone = registry_.refresh(name);
    if (listener_.stopAsked) {
        listener_.stopAsked(name);
    }
    if (!admit(zone, Command::shutdown)) {
        return alreadyThere(zone, Command::shutdown);
    }
    // what it runs with says it where its definition has become unusable meanwhile
    const DefinitionRef& said = zone.definition ? zone.definition : zone.booted;
    const std::int64_t fallback = said ? said->stopTimeout.count() : 90;
    Operation operation;
    operation.command = Command::shutdown;
    operation.message = {{"type", "shutdown"}, {"timeout", timeout != 0 ? std::int64_t{timeout} : fallback}};
    return begin(zone, std::move(operation));
}

std::uint32_t Lifecycle::reboot(const std::string& name, bool force) {
    jobs_.requireFree({Held::zone, name});
    Zone& zone = registry_.refresh(name);
    if (!admit(zone, Command::reboot)) {
        return alreadyThere(zone, Command::reboot);
    }
    Operation operation;
    operation.command = Command::reboot;
    operation.message = {{"type", "reboot"}, {"force", force}};
    return begin(zone, std::move(operation));
}

std::uint32_t Lifecycle::alreadyThere(const Zone& zone, Command command) {
    const std::uint32_t job = jobs_.start(jobKind(command), {Held::zone, zone.name.str()});
    jobs_.finish(job);
    return job;
}

std::uint32_t Lifecycle::begin(const Zone& zone, Operation operation) {
    const ZoneName name = zone.name;
    const std::uint32_t job = enter(zone, std::move(operation));
    send(name);
    return job;
}

/// Notes the operation and makes its job; nothing is sent yet.
std::uint32_t Lifecycle::enter(const Zone& zone, Operation operation) {
    const std::uint32_t job = jobs_.start(jobKind(operation.command), {Held::zone, zone.name.str()});
    operation.job = job;
    if (operation.command == Command::boot || operation.command == Command::ready) {
        jobs_.onCancel(job, [this, name = zone.name] { cancel(name); });
    }
    operations_[zone.name] = std::move(operation);
    registry_.changed(zone.name);
    return job;
}

void Lifecycle::supersede(const ZoneName& name) {
    const auto old = operations_.extract(name);
    jobs_.fail(old.mapped().job, FaultKind::cancelled, "zone " + name.str() + " was halted meanwhile");
}

void Lifecycle::send(const ZoneName& name) {
    const std::uint32_t job = operations_.at(name).job;
    supervisor(name).summon([this, name, job](const std::optional<Fault>& fault) {
        const auto found = operations_.find(name);
        const bool boots = found != operations_.end() && !found->second.definition.empty();
        if (!fault && boots && registry_.owesAddresses(name)) {
            // with addresses that the next service would not know of, two zones could have the same
            registry_.whenSaved(name, [this, name, job](const std::optional<Fault>& unsaved) {
                deliver(name, job, operations_.contains(name) ? unsaved : std::nullopt);
            });
        } else {
            deliver(name, job, fault);
        }
    });
}

/// Sends the supervisor, which listens by now, what it was summoned for.
void Lifecycle::deliver(const ZoneName& name, std::uint32_t job, const std::optional<Fault>& fault) {
    const auto found = operations_.find(name);
    if (found == operations_.end()) {
        // cancelled before it was sent: the supervisor has nothing to do
        if (!fault) {
            supervisor(name).tell({{"type", "quit"}});
        }
        return;
    }
    Operation& operation = found->second;
    if (operation.job != job) {
        return; // another request took its place, and was given an answer of its own
    }
    if (fault) {
        fail(name, *fault);
        return;
    }
    try {
        ++operation.launches;
        if (!operation.definition.empty()) {
            noteBooted(name, operation.definition);
        }
        operation.ticket = supervisor(name).request(operation.message);
    } catch (const std::exception& error) {
        fail(name, zone::faultOf(error));
    }
}

void Lifecycle::cancel(const ZoneName& name) {
    const auto found = operations_.find(name);
    if (found == operations_.end()) {
        return;
    }
    Operation& operation = found->second;
    if (operation.ticket == 0) {
        fail(name, FaultKind::cancelled, "cancelled before the zone was touched");
        return;
    }
    if (!operation.cancelled) {
        operation.ticket = supervisor(name).request({{"type", "halt"}});
        operation.cancelled = true;
        operation.deadline = haltDeadline(name);
    }
}

void Lifecycle::finish(const ZoneName& name) {
    const auto node = operations_.extract(name);
    jobs_.finish(node.mapped().job);
}

void Lifecycle::fail(const ZoneName& name, FaultKind kind, const std::string& text) {
    const auto node = operations_.extract(name);
    if (node.mapped().ticket == 0 && supervisor(name).phase() == Supervisor::Phase::connected) {
        attempt("dismissing a supervisor", [&] { // it may have been started for this
            supervisor(name).tell({{"type", "refuse"}, {"text", text}});
        });
    }
    jobs_.fail(node.mapped().job, kind, text);
}

/// Tells whoever waits for the operation under way.
void Lifecycle::warn(const ZoneName& name, const std::vector<std::string>& warnings) {
    if (const auto found = operations_.find(name); found != operations_.end()) {
        for (const std::string& warning : warnings) {
            jobs_.warn(found->second.job, warning);
        }
    }
}

std::vector<std::pair<std::string, std::string>> Lifecycle::plan(const std::string& name) {
    std::vector<std::pair<std::string, std::string>> steps;
    for (const platform::Step& step :
         platform::plan(resolveBootSpec(host_, registry_, registry_.refresh(name), {}, nullptr).spec)) {
        steps.emplace_back(step.name, step.purpose);
    }
    return steps;
}

void Lifecycle::exec(const std::string& name, uid_t by, json request, Supervisor::Opened opened,
                     Supervisor::Refused refused) {
    Zone& zone = registry_.zone(name);
    admit(zone, Command::enter);
    request["type"] = "exec";
    request["by"] = by;
    supervisor(zone.name).open(std::move(request), std::move(opened), std::move(refused));
}

void Lifecycle::console(const std::string& name, uid_t by, const Supervisor::Opened& opened,
                        const Supervisor::Refused& refused) {
    Zone& zone = registry_.refresh(name);
    const State state = stateOf(zone);
    if (!zone::isActive(state) && state != State::installed) {
        throw Fault(FaultKind::wrongState, sys::join("zone ", name, " is ", zone::stateName(state),
                                                     " and has no console; it has one from installed on"));
    }
    openConsole(zone.name, by, 2, opened, refused);
}

/// An idle supervisor may end just then: it is tried again with a new one.
void Lifecycle::openConsole(const ZoneName& name, uid_t by, int attempts, const Supervisor::Opened& opened,
                            const Supervisor::Refused& refused) {
    supervisor(name).summon([this, name, by, attempts, opened, refused](const std::optional<Fault>& fault) {
        if (fault) {
            refused(*fault);
            return;
        }
        const auto again = [this, name, by, attempts, opened, refused](const Fault& why) {
            if (attempts > 1) {
                openConsole(name, by, attempts - 1, opened, refused);
            } else {
                refused(why);
            }
        };
        try {
            supervisor(name).open({{"type", "console"}, {"by", by}}, opened, again);
        } catch (const std::exception& error) {
            refused(zone::faultOf(error));
        }
    });
}

} // namespace zoned::daemon
