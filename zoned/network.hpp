// The managed network of the host: the bridge, its address, forwarding and the
// firewall tables. Made before the first boot that needs it, and looked after
// at each later one, since an administrator may reload the host's own rules.
#pragma once

#include <string>

#include "store/settings.hpp"
#include "zone/definition.hpp"

namespace zoned::daemon {

/// Makes or repairs what the managed network consists of. Throws sys::Error.
void ensureManagedNetwork(const store::Settings& settings);
/// What the definition's interfaces need of the host: the managed network, or the administrator's own bridges.
/// Throws Fault failed, naming the bridge that does not exist.
void ensureNetworks(const store::Settings& settings, const zone::Definition& definition);

} // namespace zoned::daemon
