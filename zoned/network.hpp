// The managed network of the host: the bridge, its address, forwarding and the
// firewall tables. Made before the first boot that needs it, and looked after
// at each later one, since an administrator may reload the host's own rules.
#pragma once

#include <string>

#include "host.hpp"
#include "zone/definition.hpp"

namespace zoned::daemon {

/// Makes or repairs what the managed network consists of, with the ports and guards of the zones that are active.
/// Throws sys::Error.
void ensureManagedNetwork(const Host& host);
/// What the definition's interfaces need of the host: the managed network, or the administrator's own bridges.
/// Throws Fault failed, naming the bridge that does not exist.
void ensureNetworks(const Host& host, const zone::Definition& definition);
/// Puts the active zones' ports back into the bridge and their guards into the packet filter, where an administrator
/// took them away (`nft flush ruleset`, a bridge that was made anew). Throws sys::Error.
void restorePorts(const Host& host);

} // namespace zoned::daemon
