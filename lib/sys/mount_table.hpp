// What is mounted where, as the kernel's mount table (proc(5), mountinfo) says.
//
// Needs libmount: not for the supervisor, which is linked statically and is
// told every path it needs.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace zoned::sys {

struct MountEntry {
    int id = 0;         ///< unique while mounted, reused afterwards
    int parent = 0;     ///< the mount it lies on
    std::string target; ///< as seen from the root directory of the process asked for
    std::string source; ///< "none" and the like where the file system has none
    std::string fsType; ///< "ext4", "cgroup2", …
    std::string root;   ///< the folder of the file system that is mounted here: "/" but for bind mounts
};

/// The mounts of a process's namespace in mount order; of this process where `pid` is 0.
[[nodiscard]] std::vector<MountEntry> mounts(pid_t pid = 0);

/// Where the host has its cgroup v2 tree. Throws Error, which says what to do, where it has none.
[[nodiscard]] std::string cgroup2Mount();

/// Whether something is mounted at this very path, bind mounts of the same file system and of files
/// included. False for a link and where nothing exists.
[[nodiscard]] bool isMountPoint(const std::string& path);

} // namespace zoned::sys
