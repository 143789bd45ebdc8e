// User and group id maps of user namespaces.
//
// A zone's ids 0…65535 are the host's BASE…BASE+65535. On disk its files keep
// 0…65535; a mount with the zone's user namespace as id map turns the one into
// the other, so nothing is ever chowned.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "sys/unique_fd.hpp"

namespace zoned::sys {

constexpr std::uint32_t idBlockSize = 65536;

/// Writes "0 base 65536" as uid_map and gid_map of a process in a fresh user namespace.
void writeIdMaps(pid_t pid, std::uint32_t base);

/// A user namespace with that map and no process in it, for id-mapped mounts. It belongs to the user `base`.
[[nodiscard]] UniqueFd makeUserNamespace(std::uint32_t base);

} // namespace zoned::sys
