// What makes a zone itself inside its root: host name, /etc/hosts, resolv.conf,
// machine-id and time zone. Written by the zone's first process, in the zone's
// root and with the zone's rights, so that a link in the tree leads nowhere else.
//
// The files are the zone's own: its administrator and its programs change them,
// and what they wrote stays. Of zoned's are
//   - /etc/hostname, where the definition names a host name, or where there is none;
//   - one line of /etc/hosts, which ends in a mark;
//   - an /etc/resolv.conf that begins with a mark, or where there is none;
//   - /etc/machine-id and /etc/localtime, where there is none.
#pragma once

#include <string>

#include "platform/boot_spec.hpp"

namespace zoned::platform {

/// "Europe/Berlin"; "" where the host's /etc/localtime is no link to one. To be asked while the host's root is there.
[[nodiscard]] std::string hostTimeZone();

/// A file is written only where its content differs, so that a boot copies nothing up into the layer. /run must be
/// mounted. Returns the host name that the zone is to have.
[[nodiscard]] std::string writeIdentity(int root, const BootSpec& spec, const std::string& timeZone);

} // namespace zoned::platform
