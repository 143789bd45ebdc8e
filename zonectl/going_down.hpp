// Whether a zone that is up has begun to go down by itself.
#pragma once

#include "client.hpp"

namespace zoned::ctl {

/// `reboot` typed inside returns at once, and nobody outside is told before the zone's init ends, which may be a minute
/// later. Init knows: a zone's systemd or sysvinit is asked, where we may run programs in the zone without a password, and
/// believed. False where it cannot be asked, or has nothing to say within two seconds.
[[nodiscard]] bool isGoingDown(Client& client, const ObjectPath& zone, const std::string& initKind);

} // namespace zoned::ctl
