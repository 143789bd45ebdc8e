// The zone's own host keys and the like, made before its init starts: see zone/own_secrets.hpp.
#pragma once

namespace zoned::platform {

/// Makes what the zone's root, which is "/" by now, lacks, with the zone's own programs and as confined as its init
/// will be. What cannot be made, or takes too long, is left: a zone without host keys boots all the same. Its words go
/// to `console`, where one sees why a first boot takes a second longer.
void makeOwnSecrets(int console) noexcept;

} // namespace zoned::platform
