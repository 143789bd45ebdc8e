// The folders that the zone manager keeps to itself, and what of the host overlaps them.
//
// A zone that sees them, if only to read, has the supervisors' sockets, other zones' files and definitions: connect(2)
// asks nothing of a read-only mount. Where an inode lies is asked of the kernel (its file system, and its path from
// that file system's root), so that neither links nor bind mounts nor a second mount of the same disk lead past.
#pragma once

#include <string>
#include <vector>

namespace zoned::platform {

/// Throws sys::Error where `source`, an O_PATH descriptor opened in this mount namespace, is one of the folders, holds
/// one or lies in one. `name` is the source in words. Folders that do not exist are passed over.
void refuseOwnFolders(int source, const std::string& name, const std::vector<std::string>& folders);

} // namespace zoned::platform
