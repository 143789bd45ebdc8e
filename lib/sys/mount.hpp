// The kernel's descriptor-based mount calls: a file system or a tree is made
// detached first, and attached to a place that is given as a descriptor, so
// that no path of a hostile tree is ever resolved by mount(2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sys/unique_fd.hpp"

namespace zoned::sys {

/// Flags of a mount, MOUNT_ATTR_… of <linux/mount.h>.
using MountAttributes = std::uint64_t;

struct FsOption {
    std::string key;
    std::optional<std::string> value; // none: a flag
};

/// Makes a file system of the type, detached.
[[nodiscard]] UniqueFd makeFileSystem(const std::string& type, const std::vector<FsOption>& options,
                                      MountAttributes attributes);
/// A detached copy of the mount at a host path (this mount only, nothing mounted below it).
[[nodiscard]] UniqueFd cloneMount(const std::string& path);
/// A detached copy of what an O_PATH descriptor stands on.
[[nodiscard]] UniqueFd cloneMountAt(int place, const std::string& object);
/// The same with all that is mounted below it, whose propagation stays as it is: what the kernel has locked together it
/// lets nobody copy in parts.
[[nodiscard]] UniqueFd cloneTreeAt(int place, const std::string& object);

/// The id of the mount that a descriptor is on, as in mountinfo; -1 where it cannot be had.
[[nodiscard]] int mountIdOf(int fd) noexcept;

struct MountBelow {
    int id = 0;
    std::string path; // from the folder asked for, without a leading '/'
    std::string type; // "ext4", "proc", …
    bool nosuid = false;
};
/// What is mounted below a folder of the host, in the order of their paths. By /proc/self/mountinfo, so that no file
/// system is asked anything (one of a server that is gone would not answer).
[[nodiscard]] std::vector<MountBelow> mountsBelow(const std::string& folder);
/// Sets attributes of a mount; `userNamespace` >= 0 maps its ids with that namespace.
void setMountAttributes(int mount, MountAttributes set, MountAttributes clear, int userNamespace,
                        const std::string& object);
/// Attaches a detached mount to the folder or file that `place` (O_PATH) stands on.
void attachMount(int mount, int place, const std::string& object);
/// Whether something is mounted on the folder that `place` (O_PATH) stands on.
[[nodiscard]] bool isMount(int place, const std::string& object);
/// No mount event travels in or out of the caller's mount namespace any more.
void makeMountsPrivate();
/// Mounts made later show in the mount namespaces that are made of the caller's from now on.
void makeMountsShared();
/// Makes `root` (a mount) the root of the caller's mount namespace and takes the old one away.
void pivotRoot(int root);

} // namespace zoned::sys
