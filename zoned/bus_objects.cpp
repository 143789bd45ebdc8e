#include "bus_objects.hpp"

namespace zoned::daemon {

void requirePermission(sdbus::IObject& object, Verb verb, const std::string& target) {
    const Decision decision = authorise({api::senderUid(object)}, verb, target);
    if (!decision.allowed) {
        throw zone::Fault(zone::FaultKind::notPermitted, decision.why);
    }
}

} // namespace zoned::daemon
