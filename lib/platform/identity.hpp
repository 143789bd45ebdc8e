// What makes a zone itself inside its root: /etc/hostname, hosts, resolv.conf
// and machine-id. Written by the zone's first process, in the zone's root and
// with the zone's rights, so that a link in the tree leads nowhere else.
#pragma once

#include "platform/boot_spec.hpp"

namespace zoned::platform {

/// A file is written only where its content differs, so that a boot copies nothing up into the layer.
void writeIdentity(int root, const BootSpec& spec);

} // namespace zoned::platform
