// The zone's first process, from clone3 to the exec of init: it puts the zone's
// file systems together in its own namespaces, with the zone's rights only.
#pragma once

#include <string>

#include "platform/boot_spec.hpp"
#include "sys/channel.hpp"

namespace zoned::platform {

/// @param mountPlaces the folder of MountPlaces (rootfs.hpp)
/// Runs in the child of clone3; returns the exit status where it could not become init.
[[nodiscard]] int becomeZone(const BootSpec& spec, const std::string& mountPlaces, const std::string& seccompFilter,
                             sys::Channel& channel);

} // namespace zoned::platform
