// Folders that an init of the zone mounts a file system of its own over when it
// starts: /tmp (systemd's tmp.mount, enabled in Debian 13) and /run/lock.
#pragma once

#include <string>

namespace zoned::platform {

/// To be called before something is attached at `target` beneath `root`: where that lies in a folder which init would
/// cover, the folder is made a mount of itself. All inits leave alone what is a mount already.
void keepUncovered(int root, const std::string& target);

} // namespace zoned::platform
