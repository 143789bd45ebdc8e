#include "bus_objects.hpp"

namespace zoned::daemon {

Caller callerOf(sdbus::IObject& object) {
    const api::Sender sender = api::senderOf(object);
    return {sender.name, sender.uid, sender.interactive};
}

Target targetOf(const std::string& kind, const std::string& name) {
    return zone::ZoneName::problem(name) ? Target{} : Target{kind, name};
}

void decide(const Domain& domain, const Caller& caller, const Request& request,
            const std::function<void(const Decision&)>& then) {
    std::vector<zone::Admin> admins;
    // a zone's administrators stand in its definition, which is read again: one who was taken out of it is out;
    // one of a definition that cannot be used is none.
    if (request.target.kind == "zone" && isForAdmins(request.verb) && caller.uid != 0) {
        const Zone& zone = domain.registry.refresh(request.target.name);
        admins = zone.definition ? zone.definition->admins : admins;
    }
    domain.authorizer.decide(caller, request.verb, request.target, admins, then);
}

} // namespace zoned::daemon
