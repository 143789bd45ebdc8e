#include "zone_objects.hpp"

#include <nlohmann/json.hpp>

#include "platform/run_record.hpp"
#include "store/definition_yaml.hpp"
#include "sys/error.hpp"
#include "zone/public_text.hpp"
#include "zone_log.hpp"

namespace zoned::daemon {
namespace {

using zone::Fault;
using zone::FaultKind;

sdbus::UnixFd handOver(sys::UniqueFd fd) {
    return {fd.release(), sdbus::adopt_fd};
}

/// The options of Exec as the supervisor wants them.
nlohmann::json execRequest(const std::vector<std::string>& argv, Options options) {
    nlohmann::json request;
    request["argv"] = argv;
    request["user"] = options.take<std::string>("user", "");
    request["cwd"] = options.take<std::string>("cwd", "");
    request["env"] = options.take<std::map<std::string, std::string>>("env", {});
    request["tty"] = options.take<bool>("tty", false);
    request["rows"] = options.take<std::uint16_t>("rows", 24);
    request["columns"] = options.take<std::uint16_t>("columns", 80);
    request["term"] = options.take<std::string>("term", "");
    options.requireEmpty();
    return request;
}

using Settings = std::vector<std::pair<std::string, std::string>>;

using Links = std::vector<sdbus::Struct<std::string, std::string>>;

/// The interfaces of a zone that is up, each with the host's end of it. They are new at each boot.
Links hostLinks(const Host& host, const Zone& zone) {
    Links links;
    if (zone::isActive(stateOf(zone))) {
        if (const auto record = platform::RunRecord::find(host.runFolder(zone.name.str()) + "/record")) {
            for (const platform::NicSpec& nic : record->zone().spec.nics) {
                links.emplace_back(nic.name, nic.hostName);
            }
        }
    }
    return links;
}

std::map<std::string, sdbus::Variant> detailsOf(const Zone& zone, const ZoneView& view, const Links& links) {
    std::map<std::string, sdbus::Variant> details{{"reason", sdbus::Variant(view.reason)},
                                                  {"maintenance", sdbus::Variant(view.maintenance)},
                                                  {"host-interfaces", sdbus::Variant(links)}};
    if (zone.record) {
        details.emplace("machine-id", zone.record->uuid);
    }
    if (zone.definition) {
        const zone::Definition& definition = *zone.definition;
        details.emplace("after", definition.after);
        details.emplace("requires", definition.needs);
        details.emplace("host-requires", definition.hostRequires);
        details.emplace("restart", std::string(zone::restartName(definition.restart)));
        details.emplace("boot-priority", definition.bootPriority);
    }
    return details;
}

/// The keys that reserve the definition to those who are trusted with the host: those that it has, or else those that
/// it is given.
std::vector<std::string> reservingKeys(const Zone* zone, const Settings& settings) {
    std::vector<std::string> keys;
    if (zone != nullptr && zone->definition) {
        keys = zone::privilegeKeys(*zone->definition);
    }
    if (keys.empty()) {
        for (const auto& [key, value] : settings) {
            const std::string first = key.substr(0, key.find_first_of(".["));
            const std::string shown = first == "network" ? "bridge" : first;
            if (zone::keyGivesPrivilege(key) && std::ranges::find(keys, shown) == keys.end()) {
                keys.push_back(shown);
            }
        }
    }
    return keys;
}

Request requestToSet(const std::string& name, const std::vector<std::string>& reserving, Verb verb) {
    return {"Set of zone " + name, verb, {"zone", name, sinceItHas(reserving)}};
}

/// Answers a Set that is done.
template <typename Answer>
void answerSet(const Domain& domain, const Lifecycle::SetOutcome& outcome, const Answer& pending) {
    findMissing(domain.lookups, outcome.sources, [outcome, pending](const std::vector<std::string>& missing) {
        std::vector<std::string> warnings = outcome.warnings;
        warnings.insert(warnings.end(), missing.begin(), missing.end());
        pending.reply(outcome.applied, outcome.waiting, warnings);
    });
}

/// The administrators that a definition has with the settings; none where that cannot be told, which Set says.
std::vector<zone::Admin> adminsWith(const std::optional<std::string>& text, const Settings& settings) {
    try {
        return adminsIn(store::applySettings(text.value_or(""), settings));
    } catch (const Fault&) {
        return {};
    }
}

template <typename Answer>
void setKeys(const Domain& domain, const Caller& caller, const std::string& name, const Settings& settings,
             const Lifecycle::SetOptions& how, const Answer& pending);

/// As setKeys(), with the administrators that the definition is going to have looked up.
template <typename Answer>
void setKeysNow(const Domain& domain, const Caller& caller, const std::string& name, const Settings& settings,
                const Lifecycle::SetOptions& how, const Answer& pending) {
    const bool done = domain.lifecycle.set(
        name, settings, how,
        [domain, pending](const Lifecycle::SetOutcome& outcome) { answerSet(domain, outcome, pending); },
        [pending](const Fault& fault) { pending.refuse(fault); });
    if (done) {
        return;
    }
    const auto decided = [domain, caller, name, settings, how, pending](const Decision& decision) {
        pending.attempt([&] {
            if (!decision.allowed) {
                throw Fault(FaultKind::notPermitted, decision.why);
            }
            Lifecycle::SetOptions trusted = how;
            trusted.trusted = true;
            setKeys(domain, caller, name, settings, trusted, pending);
        });
    };
    const std::vector<std::string> reserving = reservingKeys(&domain.registry.current(name), settings);
    decide(domain, caller, requestToSet(name, reserving, Verb::configPrivileged), decided);
}

/// What a Set does, once its caller may change the definition. One that turns out to be about privileges on the host is
/// for whoever may give those: the policy function is asked again, and then the definition is looked at again.
template <typename Answer>
void setKeys(const Domain& domain, const Caller& caller, const std::string& name, const Settings& settings,
             const Lifecycle::SetOptions& how, const Answer& pending) {
    const auto admins = adminsWith(domain.registry.current(name).text, settings);
    domain.accounts.learn(admins, [domain, caller, name, settings, how, pending] {
        pending.attempt([&] { setKeysNow(domain, caller, name, settings, how, pending); });
    });
}

const Fault strangeAnswer(FaultKind::failed, "the zone's supervisor gave an answer that is not understood");

} // namespace

ZoneObjects::ZoneObjects(sdbus::IConnection& connection, const Domain& domain)
    : ObjectFamily(connection, api::zoneFolder), domain_(domain) {}

void ZoneObjects::add(const zone::ZoneName& name) {
    ObjectFamily::add(api::zonePath(name.str()), name);
}

void ZoneObjects::remove(const zone::ZoneName& name) {
    ObjectFamily::remove(api::zonePath(name.str()));
}

void ZoneObjects::changed(const zone::ZoneName& name, const std::vector<std::string>& properties) {
    emitChanged(api::zonePath(name.str()), properties);
}

/// A request about the zone that is being asked. The body has the name copied: other zones are asked when it runs.
Request ZoneObjects::request(const char* text, Verb verb) const {
    return {std::string(text) + " of zone " + subject().str(), verb, {"zone", subject().str()}};
}

/// A request that is a job: body(domain, name) returns its number.
template <typename Body>
void ZoneObjects::job(JobResult&& result, const char* text, Verb verb, Body body) {
    authorisedJob(domain_, getObject(), std::move(result), request(text, verb),
                  [domain = domain_, name = subject().str(), body = std::move(body)] { return body(domain, name); });
}

void ZoneObjects::GetDefinition(sdbus::Result<std::string>&& result) {
    authorised(domain_, getObject(), std::move(result), request("GetDefinition", Verb::listDetails),
               [domain = domain_, name = subject().str()] {
                   const Zone& zone = domain.registry.current(name);
                   if (!zone.text) {
                       throw Fault(FaultKind::invalidDefinition, zone.problem);
                   }
                   return *zone.text;
               });
}

void ZoneObjects::GetProblem(sdbus::Result<std::string>&& result) {
    authorised(domain_, getObject(), std::move(result), request("GetProblem", Verb::listDetails),
               [domain = domain_, name = subject().str()] { return domain.registry.current(name).problem; });
}

void ZoneObjects::GetDetails(sdbus::Result<Dictionary>&& result) {
    authorised(domain_, getObject(), std::move(result), request("GetDetails", Verb::listDetails),
               [domain = domain_, name = subject().str()] {
                   const Zone& zone = domain.registry.current(name);
                   return detailsOf(zone, domain.registry.view(zone.name), hostLinks(domain.host, zone));
               });
}

void ZoneObjects::Set(sdbus::Result<Keys, Keys, Keys>&& result,
                      std::vector<sdbus::Struct<std::string, std::string>> settings, Dictionary options) {
    const Settings pairs = answer("Set", [&] { return settingsFrom(settings); });
    // also where the zone has privileges already: its init, say, is the host's root
    const std::vector<std::string> reserving = reservingKeys(domain_.registry.find(subject()), pairs);
    const bool privileged = !reserving.empty();
    authorisedLater(domain_, getObject(), std::move(result),
                    requestToSet(subject().str(), reserving, privileged ? Verb::configPrivileged : Verb::config),
                    [domain = domain_, name = subject().str(), pairs, options, privileged](const Caller& caller,
                                                                                           const auto& pending) {
                        Options given(options);
                        Lifecycle::SetOptions how;
                        how.runtime = given.take<bool>("runtime", false);
                        how.stored = given.take<bool>("stored", false);
                        how.trusted = privileged || caller.uid == 0;
                        given.requireEmpty();
                        setKeys(domain, caller, name, pairs, how, pending);
                    });
}

void ZoneObjects::Install(JobResult&& result) {
    job(std::move(result), "Install", Verb::create,
        [](const Domain& domain, const std::string& name) { return domain.installer.install(name); });
}

void ZoneObjects::Uninstall(JobResult&& result) {
    job(std::move(result), "Uninstall", Verb::remove,
        [](const Domain& domain, const std::string& name) { return domain.installer.uninstall(name); });
}

void ZoneObjects::Delete(JobResult&& result) {
    job(std::move(result), "Delete", Verb::remove,
        [](const Domain& domain, const std::string& name) { return domain.installer.remove(name); });
}

void ZoneObjects::Boot(JobResult&& result, Dictionary options) {
    const Zone* zone = domain_.registry.find(subject());
    const bool privileged = zone != nullptr && zone->definition && zone->definition->privileged;
    Request wanted = request("Boot", Verb::manage);
    if (options.contains("args")) {
        // init takes programs to run from its arguments ("systemd.run=…"): who may give it some is root in the zone
        wanted.also.push_back(Verb::exec);
        if (privileged) {
            wanted.also.push_back(Verb::configPrivileged);
            wanted.target.because = sinceItHas({"privileged"});
        }
    }
    // (who calls is a question to the bus, and matters with arguments alone)
    const bool trusted = privileged || !options.contains("args") || callerOf(domain_, getObject()).uid == 0;
    authorisedJob(domain_, getObject(), std::move(result), wanted,
                  [domain = domain_, name = subject().str(), options, trusted] {
                      Options given(options);
                      Lifecycle::BootOptions boot;
                      boot.initArgs = given.take<std::vector<std::string>>("args", {});
                      boot.wait = given.take<bool>("wait", false);
                      given.requireEmpty();
                      const Zone& now = domain.registry.toBoot(name);
                      if (!boot.initArgs.empty() && !trusted && now.definition && now.definition->privileged) {
                          throw Fault(FaultKind::notPermitted,
                                      "zone " + name + " was made privileged meanwhile; boot it again to be asked");
                      }
                      return domain.lifecycle.boot(name, boot);
                  });
}

void ZoneObjects::Ready(JobResult&& result) {
    job(std::move(result), "Ready", Verb::manage,
        [](const Domain& domain, const std::string& name) { return domain.lifecycle.ready(name); });
}

void ZoneObjects::Halt(JobResult&& result) {
    job(std::move(result), "Halt", Verb::manage,
        [](const Domain& domain, const std::string& name) { return domain.lifecycle.halt(name); });
}

void ZoneObjects::Shutdown(JobResult&& result, std::uint32_t timeout) {
    job(std::move(result), "Shutdown", Verb::manage,
        [timeout](const Domain& domain, const std::string& name) { return domain.lifecycle.shutdown(name, timeout); });
}

void ZoneObjects::Reboot(JobResult&& result, bool force) {
    job(std::move(result), "Reboot", Verb::manage,
        [force](const Domain& domain, const std::string& name) { return domain.lifecycle.reboot(name, force); });
}

void ZoneObjects::ClearMaintenance(sdbus::Result<>&& result) {
    authorised(domain_, getObject(), std::move(result), request("ClearMaintenance", Verb::manage),
               [domain = domain_, name = subject().str()] { domain.hostBoot.clearMaintenance(name); });
}

void ZoneObjects::Plan(sdbus::Result<std::vector<sdbus::Struct<std::string, std::string>>>&& result) {
    authorised(domain_, getObject(), std::move(result), request("Plan", Verb::listDetails),
               [domain = domain_, name = subject().str()] {
                   std::vector<sdbus::Struct<std::string, std::string>> steps;
                   for (const auto& [step, purpose] : domain.lifecycle.plan(name)) {
                       steps.emplace_back(step, purpose);
                   }
                   return steps;
               });
}

std::map<std::string, std::uint64_t> ZoneObjects::Stat() {
    return answer("Stat of zone " + subject().str(), [&] { return domain_.statistics.of(subject().str()); });
}

void ZoneObjects::Exec(sdbus::Result<sdbus::UnixFd, std::vector<sdbus::UnixFd>>&& result, std::vector<std::string> argv,
                       Dictionary options) {
    const Verb verb = argv.empty() ? Verb::login : Verb::exec; // without a program it is a login shell
    authorisedLater(
        domain_, getObject(), std::move(result), request("Exec", verb),
        [domain = domain_, name = subject().str(), argv, options](const Caller& caller, const auto& pending) {
            domain.lifecycle.exec(
                name, caller.uid, execRequest(argv, Options(options)),
                [pending](std::vector<sys::UniqueFd> fds) {
                    if (fds.size() < 2) {
                        pending.refuse(strangeAnswer);
                        return;
                    }
                    std::vector<sdbus::UnixFd> stdio;
                    for (std::size_t i = 1; i < fds.size(); ++i) {
                        stdio.push_back(handOver(std::move(fds[i])));
                    }
                    pending.reply(handOver(std::move(fds[0])), stdio);
                },
                [pending](const Fault& fault) { pending.refuse(fault); });
        });
}

void ZoneObjects::ReadLog(sdbus::Result<std::vector<sdbus::UnixFd>>&& result, std::string source) {
    authorised(domain_, getObject(), std::move(result), request("ReadLog", Verb::console),
               [domain = domain_, name = subject(), source] {
                   std::vector<sdbus::UnixFd> files;
                   for (sys::UniqueFd& file : openZoneLog(domain.host, name, source)) {
                       files.push_back(handOver(std::move(file)));
                   }
                   return files;
               });
}

void ZoneObjects::OpenConsole(sdbus::Result<sdbus::UnixFd>&& result) {
    authorisedLater(domain_, getObject(), std::move(result), request("OpenConsole", Verb::console),
                    [domain = domain_, name = subject().str()](const Caller& caller, const auto& pending) {
                        domain.lifecycle.console(
                            name, caller.uid,
                            [pending](std::vector<sys::UniqueFd> fds) {
                                if (fds.size() != 1) {
                                    pending.refuse(strangeAnswer);
                                } else {
                                    pending.reply(handOver(std::move(fds[0])));
                                }
                            },
                            [pending](const Fault& fault) { pending.refuse(fault); });
                    });
}

std::string ZoneObjects::Name() {
    return subject().str();
}
std::string ZoneObjects::State() {
    return std::string(zone::stateName(view().state));
}
bool ZoneObjects::Booted() {
    return view().booted;
}
std::string ZoneObjects::Reason() {
    return zone::publicReason(view().reason);
}
std::string ZoneObjects::Problem() {
    return view().problem;
}
std::string ZoneObjects::Maintenance() {
    return zone::publicReason(view().maintenance);
}
std::string ZoneObjects::Description() {
    return view().description;
}
std::string ZoneObjects::Image() {
    return view().image;
}
bool ZoneObjects::Autoboot() {
    return view().autoboot;
}
bool ZoneObjects::Privileged() {
    return view().privileged;
}
std::uint32_t ZoneObjects::InitPid() {
    return view().initPid;
}
std::string ZoneObjects::InitKind() {
    return view().initKind;
}
std::uint64_t ZoneObjects::OomKills() {
    return view().oomKills;
}
std::int64_t ZoneObjects::Since() {
    return view().since;
}
std::uint32_t ZoneObjects::IdBase() {
    return view().idBase;
}
std::string ZoneObjects::CGroup() {
    return view().cgroup;
}
std::string ZoneObjects::Group() {
    return view().group;
}
std::vector<std::string> ZoneObjects::Changed() {
    return view().changed;
}
std::vector<sdbus::Struct<std::string, std::string>> ZoneObjects::Limits() {
    std::vector<sdbus::Struct<std::string, std::string>> rows;
    for (const auto& [key, value] : view().limits) {
        rows.emplace_back(key, value);
    }
    return rows;
}
sdbus::ObjectPath ZoneObjects::Job() {
    return view().job == 0 ? sdbus::ObjectPath("/") : jobObject(view().job);
}

std::vector<sdbus::Struct<std::string, std::string>> ZoneObjects::Addresses() {
    std::vector<sdbus::Struct<std::string, std::string>> rows;
    for (const auto& [interface, address] : view().addresses) {
        rows.emplace_back(interface, address);
    }
    return rows;
}

} // namespace zoned::daemon
