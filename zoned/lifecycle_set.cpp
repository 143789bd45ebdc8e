// `zonectl set`: keys of a zone's definition, changed in the file and in the
// zone that runs.
//
// What a zone runs with is kept beside its run record, as a definition of its
// own: the one that was booted, with what `set` has given the zone since. So a
// restarted service knows what the zone has, and which keys of the stored
// definition wait for the next boot.
//
// All is checked first. Then the file is replaced, then the supervisor writes
// the limits; where the kernel refuses one, the supervisor puts back what it
// wrote, and the file is put back here. A job holds the zone meanwhile.
#include "lifecycle.hpp"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "boot_spec_builder.hpp"
#include "border.hpp"
#include "host_check.hpp"
#include "log.hpp"
#include "platform/limits.hpp"
#include "store/definition_yaml.hpp"
#include "sys/cgroup.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "zone/diff.hpp"

namespace zoned::daemon {
namespace {

using nlohmann::json;
using zone::Fault;
using zone::FaultKind;
using Settings = std::vector<std::pair<std::string, std::string>>;

// The supervisor writes a dozen small files.
constexpr std::chrono::seconds patience{10};

bool isLive(zone::Effect effect) {
    return effect == zone::Effect::live || effect == zone::Effect::atOnce;
}

/// Those settings that a running zone takes.
Settings liveSettings(const Settings& settings) {
    Settings live;
    for (const auto& setting : settings) {
        const zone::Key* key = zone::findKey(setting.first);
        // an element of a list ("dns[0]") is no key itself; none of those is live
        if (key != nullptr && isLive(key->effect)) {
            live.push_back(setting);
        }
    }
    return live;
}

/// What the change asks of the host and the definition before did not: it must be there at the next boot.
void warnOfAbsent(const Host& host, const DefinitionRef& before, const zone::Definition& wanted,
                  std::vector<std::string>& warnings) {
    const std::vector<std::string> known = before ? missingOnHost(host, *before) : std::vector<std::string>{};
    for (const std::string& lack : missingOnHost(host, wanted)) {
        const bool ofHost = lack.starts_with("mounts[") || lack.starts_with("network["); // limits tell by themselves
        if (ofHost && std::ranges::find(known, lack) == known.end()) {
            warnings.push_back(lack);
        }
    }
}

/// Mounts of things that it did not mount before.
std::vector<MountSource> newSources(const DefinitionRef& before, const zone::Definition& wanted) {
    std::vector<MountSource> sources = mountSources(wanted);
    if (before) {
        std::erase_if(sources, [&](const MountSource& source) {
            return std::ranges::find(before->mounts, source.path, &zone::Mount::source) != before->mounts.end();
        });
    }
    return sources;
}

/// Only limits are something that a running zone has apart from its definition.
void requireRuntimeKeys(const Settings& settings) {
    for (const auto& [key, value] : settings) {
        const zone::Key* known = zone::findKey(key);
        if (known == nullptr || known->effect != zone::Effect::live) {
            throw Fault(FaultKind::invalidArgument,
                        key + ": cannot be changed in a running zone alone; set it without 'runtime'");
        }
    }
}

/// A number out of a file of the payload; nothing where its controller is not there, or it says "max".
std::optional<std::uint64_t> figure(const std::string& payload, const char* file) {
    const auto text = sys::readFile(payload + "/" + file);
    if (!text || text->empty() || text->front() < '0' || text->front() > '9') {
        return std::nullopt;
    }
    return std::stoull(*text);
}

/// One that cannot be read may say anything.
bool textGivesPrivilege(const std::string& text) {
    try {
        return zone::givesPrivilege(store::parseDefinition(text, "").definition);
    } catch (const Fault&) {
        return true;
    }
}

int lineOf(const std::map<std::string, int>& lines, const std::string& key) {
    const auto found = lines.find(key);
    return found == lines.end() ? 0 : found->second;
}

/// What is good in the stored definition need not be together with what the zone has. The rest of what it was booted
/// with is not judged again: it runs.
void requireSound(const zone::Resources& resources, const Host& host, const std::string& file,
                  const std::map<std::string, int>& lines) {
    std::vector<zone::Problem> problems;
    for (const zone::Finding& finding : zone::validateResources(resources, hostResources(host))) {
        const std::string key = "resources." + finding.key;
        problems.push_back({file, lineOf(lines, key), key, "of the running zone: " + finding.text});
    }
    if (!problems.empty()) {
        throw zone::DefinitionFault(std::move(problems));
    }
}

/// Refuses limits that the kernel could only keep by killing, or by refusing what runs now.
void requireRoom(const zone::Resources& before, const zone::Resources& after, const std::string& zone,
                 const std::string& payload, const std::string& file, const std::map<std::string, int>& lines) {
    std::vector<zone::Problem> problems;
    const auto memory = figure(payload, "memory.current");
    if (after.memory && after.memory != before.memory && memory && *memory > *after.memory) {
        problems.push_back({file, lineOf(lines, "resources.memory"), "resources.memory",
                            sys::join("is less than what zone ", zone, " uses now, ", (*memory >> 20) + 1,
                                      "M; it would be killed for it")});
    }
    const auto processes = figure(payload, "pids.current");
    if (after.processes && after.processes != before.processes && processes && *processes > *after.processes) {
        problems.push_back({file, lineOf(lines, "resources.processes"), "resources.processes",
                            sys::join("is less than what zone ", zone, " has now, ", *processes)});
    }
    if (!problems.empty()) {
        throw zone::DefinitionFault(std::move(problems));
    }
}

} // namespace

struct Lifecycle::Setting {
    zone::ZoneName name;
    std::uint32_t job = 0;
    SetOutcome outcome;
    std::optional<std::string> before; // the definition's text as it was, where it was replaced
    std::string booted;                // what the zone has when this is done; "" where that does not change
    SetDone done;
    Supervisor::Refused refused;
    sys::EventLoop::Source deadline;
};

void Lifecycle::noteBooted(const zone::ZoneName& name, const std::string& text) {
    sys::makeDirectories(host_.runFolder(name.str()), 0700);
    if (sys::readFile(host_.bootedDefinition(name.str())) != text) {
        sys::replaceVolatileFile(host_.bootedDefinition(name.str()), text);
    }
    registry_.bootedAnew(name);
}

bool Lifecycle::set(const std::string& name, const Settings& settings, const SetOptions& options, const SetDone& done,
                    const Supervisor::Refused& refused) {
    if (settings.empty() || (options.runtime && options.stored)) {
        throw Fault(FaultKind::invalidArgument,
                    settings.empty() ? "there is no key to set" : "'runtime' and 'stored' exclude each other");
    }
    jobs_.requireFree({Held::zone, name});
    Zone& zone = registry_.refresh(name);
    const bool up =
        zone.status && (zone.status->state == zone::State::running || zone.status->state == zone::State::ready);
    if (!zone.text) {
        throw Fault(FaultKind::invalidDefinition, zone.problem);
    }
    if (options.runtime && !up) {
        throw Fault(FaultKind::wrongState, sys::join("zone ", name, " is ", zone::stateName(stateOf(zone)),
                                                     ": only a zone that is up has something to change at runtime"));
    }
    const std::string file = name + ".yaml, with the changes"; // its lines need not be those of the file as it is
    // Judged here, on the texts that are read and written: what was known when the caller was asked about may be out
    // of date, and a definition that is not valid at the moment gives its privileges once it is mended.
    if (!options.trusted && textGivesPrivilege(*zone.text)) {
        return false;
    }
    const std::string text = store::applySettings(*zone.text, settings);
    const zone::Definition wanted = registry_.check(text, file, name);
    if (!options.trusted && zone::givesPrivilege(wanted)) {
        return false;
    }
    if (wanted.zone != name) {
        throw Fault(FaultKind::invalidArgument,
                    "zone: it cannot be changed: a zone has the name that it was created with");
    }
    // A zone that an earlier version booted left no note of what it was booted with.
    const auto note = up ? sys::readFile(host_.bootedDefinition(name)) : std::nullopt;
    const std::string has = note.value_or(*zone.text);
    const Settings live = liveSettings(settings);
    if (options.runtime) {
        requireRuntimeKeys(settings);
    }

    const auto setting = std::make_shared<Setting>(Setting{zone.name, 0, {}, {}, "", done, refused, {}});
    std::vector<platform::Limit> limits;
    if (up && !options.stored && !live.empty()) {
        setting->booted = store::applySettings(has, live);
        const zone::Definition before = store::parseDefinition(has, file).definition;
        const auto parsed = store::parseDefinition(setting->booted, file);
        const zone::Definition& after = parsed.definition;
        requireSound(after.resources, host_, file, parsed.lines);
        for (const zone::Change& change : zone::diff(before, after)) {
            setting->outcome.applied.push_back(change.key);
        }
        requireRoom(before.resources, after.resources, name, platform::payloadCgroup(launcher_.cgroup(zone.name)), file,
                    parsed.lines);
        BootFacts facts;
        facts.controllers = sys::availableControllers(host_.cgroupRoot);
        facts.diskNumber = diskNumbers(host_);
        limits = buildLimits(after, facts, setting->outcome.warnings);
    }
    if (!options.runtime) {
        warnOfAbsent(host_, zone.definition, wanted, setting->outcome.warnings);
        setting->outcome.sources = newSources(zone.definition, wanted);
        std::vector<zone::Change> changes;
        if (zone.definition) {
            changes = zone::diff(*zone.definition, wanted);
        } else {
            for (const auto& each : settings) {
                const zone::Key* key = zone::findKey(each.first);
                changes.push_back({each.first, key == nullptr ? zone::Effect::atBoot : key->effect});
            }
        }
        for (const zone::Change& change : changes) {
            auto& applied = setting->outcome.applied;
            if (std::ranges::find(applied, change.key) != applied.end()) {
                continue;
            }
            const bool now = change.effect == zone::Effect::atOnce ||
                             (change.effect == zone::Effect::live && !setting->booted.empty());
            (now ? applied : setting->outcome.waiting).push_back(change.key);
        }
    }

    setting->job = jobs_.start("set", {Held::zone, name});
    if (!options.runtime && text != *zone.text) {
        setting->before = zone.text;
        try {
            registry_.redefine(zone.name, text);
        } catch (const std::exception& error) {
            setting->before.reset();
            settle(setting, zone::faultOf(error));
            return true;
        }
    }
    if (setting->booted.empty()) {
        settle(setting, std::nullopt);
        return true;
    }
    setting->deadline = loop_.after(patience, [this, setting] {
        settle(setting,
               Fault(FaultKind::timeout, "the supervisor of zone " + setting->name.str() + " does not answer"));
    });
    try {
        supervisor(zone.name).open(
            {{"type", "limits"}, {"limits", json::parse(platform::toJson(limits))}, {"definition", setting->booted}},
            [this, setting](const std::vector<sys::UniqueFd>&) { settle(setting, std::nullopt); },
            [this, setting](const Fault& fault) { settle(setting, fault); });
    } catch (const std::exception& error) {
        settle(setting, zone::faultOf(error));
    }
    return true;
}

/// The end of a `set`; the second one (an answer after the deadline) has no effect.
void Lifecycle::settle(const std::shared_ptr<Setting>& setting, const std::optional<Fault>& fault) {
    if (setting->job == 0) {
        return;
    }
    const std::uint32_t job = std::exchange(setting->job, 0);
    const LogAbout about(setting->name.str());
    setting->deadline.reset();
    if (fault) {
        if (setting->before) {
            attempt("putting its definition back", [&] { registry_.redefine(setting->name, *setting->before); });
        }
        jobs_.fail(job, *fault);
        setting->refused(*fault);
        return;
    }
    if (!setting->booted.empty()) { // the supervisor has noted it; not one of an earlier version
        attempt("noting its new limits", [&] { noteBooted(setting->name, setting->booted); });
    }
    for (const std::string& warning : setting->outcome.warnings) {
        spdlog::warn("{}", warning);
    }
    jobs_.finish(job);
    attempt("showing what was set", [&] { registry_.refresh(setting->name.str()); });
    setting->done(setting->outcome);
}

} // namespace zoned::daemon
