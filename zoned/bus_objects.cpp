#include "bus_objects.hpp"

#include "store/definition_yaml.hpp"
#include "sys/error.hpp"

namespace zoned::daemon {
namespace {

using zone::Fault;
using zone::FaultKind;

// A definition has a few dozen keys, and 64 KiB at most.
constexpr std::size_t maxSettings = 256;
constexpr std::size_t maxSettingsBytes = 64 * 1024;

} // namespace

std::vector<std::pair<std::string, std::string>> settingsFrom(const SettingStructs& settings) {
    if (settings.size() > maxSettings) {
        throw Fault(FaultKind::invalidArgument,
                    sys::join("there are ", settings.size(), " settings; one call takes at most ", maxSettings));
    }
    std::size_t bytes = 0;
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const auto& setting : settings) {
        bytes += std::get<0>(setting).size() + std::get<1>(setting).size();
        if (bytes > maxSettingsBytes) {
            throw Fault(FaultKind::invalidArgument, "the settings of one call have at most 64 KiB together");
        }
        pairs.emplace_back(std::get<0>(setting), std::get<1>(setting));
    }
    return pairs;
}

std::string sinceItHas(const std::vector<std::string>& keys) {
    std::string text;
    for (const std::string& key : keys) {
        text += (text.empty() ? "" : ", ") + key;
    }
    return text.empty() ? "" : sys::join("for its definition's key", keys.size() > 1 ? "s " : " ", text);
}

Caller callerOf(const Domain& domain, sdbus::IObject& object) {
    const api::Sender sender = api::senderOf(object);
    return {sender.name, domain.callers.of(sender.name).uid, sender.interactive};
}

Target targetOf(const std::string& kind, const std::string& name) {
    return zone::ZoneName::problem(name) ? Target{} : Target{kind, name};
}

std::vector<zone::Admin> adminsIn(const std::string& text) {
    if (text.find("admins") == std::string::npos) {
        return {}; // as nearly always
    }
    try {
        return store::parseDefinition(text, "").definition.admins;
    } catch (const Fault&) {
        return {};
    }
}

namespace {

/// The administrators who may be let do it. They stand in the zone's definition, which is read again where it is
/// another: one who was taken out of it is out; one of a definition that cannot be used is none.
std::vector<zone::Admin> adminsFor(const Domain& domain, const Caller& caller, const Request& request) {
    if (request.target.kind != "zone" || !isForAdmins(request.verb) || caller.uid == 0) {
        return {};
    }
    const Zone& zone = domain.registry.current(request.target.name);
    return zone.definition ? zone.definition->admins : std::vector<zone::Admin>{};
}

} // namespace

void decide(const Domain& domain, const Caller& caller, const Request& request,
            const std::function<void(const Decision&)>& then) {
    const auto next = [domain, caller, request, then](const Decision& decision) {
        if (!decision.allowed || request.also.empty()) {
            then(decision);
            return;
        }
        Request rest = request;
        rest.verb = request.also.front();
        rest.also.erase(rest.also.begin());
        try {
            decide(domain, caller, rest, then);
        } catch (const std::exception& error) {
            then({false, error.what()}); // the zone went away while somebody was asked
        }
    };
    const std::vector<zone::Admin> admins = adminsFor(domain, caller, request);
    if (admins.empty()) {
        domain.authorizer.decide(caller, request.verb, request.target, admins, next);
        return;
    }
    domain.accounts.learn(admins, [domain, caller, request, then, next] {
        try {
            const std::vector<zone::Admin> now = adminsFor(domain, caller, request);
            domain.authorizer.decide(caller, request.verb, request.target, now, next);
        } catch (const std::exception& error) {
            then({false, error.what()}); // the zone went away while its administrators were looked up
        }
    });
}

} // namespace zoned::daemon
