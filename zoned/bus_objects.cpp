#include "bus_objects.hpp"

namespace zoned::daemon {

Caller callerOf(sdbus::IObject& object) {
    const api::Sender sender = api::senderOf(object);
    return {sender.name, sender.uid, sender.interactive};
}

Target targetOf(const std::string& kind, const std::string& name) {
    return zone::ZoneName::problem(name) ? Target{} : Target{kind, name};
}

namespace {

/// The administrators who may be let do it. They stand in the zone's definition, which is read again: one who was taken
/// out of it is out; one of a definition that cannot be used is none.
std::vector<zone::Admin> adminsFor(const Domain& domain, const Caller& caller, const Request& request) {
    if (request.target.kind != "zone" || !isForAdmins(request.verb) || caller.uid == 0) {
        return {};
    }
    const Zone& zone = domain.registry.refresh(request.target.name);
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
        } catch (const zone::Fault& fault) {
            then({false, fault.what()}); // the zone went away while somebody was asked
        }
    };
    domain.authorizer.decide(caller, request.verb, request.target, adminsFor(domain, caller, request), next);
}

} // namespace zoned::daemon
