#include "sys/mount.hpp"

#include <fcntl.h>
// glibc's <sys/mount.h> and <linux/mount.h> cannot be included together on Debian 12
#include <linux/mount.h>
#include <sys/syscall.h>

#include "sys/error.hpp"

extern "C" int umount2(const char* target, int flags) noexcept;
extern "C" int mount(const char* source, const char* target, const char* type, unsigned long flags,
                     const void* data) noexcept;

namespace zoned::sys {

namespace {

constexpr int detach = 2;                             // MNT_DETACH
constexpr std::uint64_t privatePropagation = 0x40000; // MS_PRIVATE
constexpr unsigned long recursivePrivate = 0x44000;   // MS_REC | MS_PRIVATE

/// A copy belongs to the peer group of what it was copied from, and under systemd every mount of the host is shared:
/// what is mounted below the copy would appear on the host, and pivot_root(2) refuses a shared mount.
void makePrivate(int mount, const std::string& object) {
    mount_attr attr{};
    attr.propagation = privatePropagation;
    check(::syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attr, sizeof attr),
          "making the copy of the mount of ", object, " private");
}

} // namespace

UniqueFd makeFileSystem(const std::string& type, const std::vector<FsOption>& options, MountAttributes attributes) {
    const UniqueFd context(static_cast<int>(
        check(::syscall(SYS_fsopen, type.c_str(), FSOPEN_CLOEXEC), "opening the file system type ", type)));
    for (const FsOption& option : options) {
        const auto command = option.value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
        check(::syscall(SYS_fsconfig, context.get(), command, option.key.c_str(),
                        option.value ? option.value->c_str() : nullptr, 0),
              "setting the ", type, " option ", option.key, option.value ? "=" + *option.value : std::string());
    }
    // what /proc/mounts shows as the device; "none" otherwise
    check(::syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, "source", type.c_str(), 0), "naming a ", type,
          " file system");
    check(::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0), "making a ", type,
          " file system");
    return UniqueFd(static_cast<int>(check(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, attributes),
                                           "mounting a ", type, " file system")));
}

UniqueFd cloneMount(const std::string& path) {
    UniqueFd copy(
        static_cast<int>(check(::syscall(SYS_open_tree, AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC),
                               "copying the mount of ", path)));
    makePrivate(copy.get(), path);
    return copy;
}

UniqueFd cloneMountAt(int place, const std::string& object) {
    UniqueFd copy(
        static_cast<int>(check(::syscall(SYS_open_tree, place, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH),
                               "copying the mount of ", object)));
    makePrivate(copy.get(), object);
    return copy;
}

void setMountAttributes(int mount, MountAttributes set, MountAttributes clear, int userNamespace,
                        const std::string& object) {
    mount_attr attr{};
    attr.attr_set = set;
    attr.attr_clr = clear;
    attr.propagation = 0;
    if (userNamespace >= 0) {
        attr.attr_set |= MOUNT_ATTR_IDMAP;
        attr.userns_fd = static_cast<std::uint64_t>(userNamespace);
    }
    check(::syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attr, sizeof attr),
          userNamespace >= 0 ? "mapping the ids of " : "setting the mount attributes of ", object);
}

void attachMount(int mount, int place, const std::string& object) {
    check(::syscall(SYS_move_mount, mount, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
          "attaching ", object);
}

void makeMountsPrivate() {
    check(::mount(nullptr, "/", nullptr, recursivePrivate, nullptr), "making the mounts private");
}

void pivotRoot(int root) {
    check(::fchdir(root), "entering the zone's root");
    check(::syscall(SYS_pivot_root, ".", "."), "making the zone's root the root");
    check(::umount2(".", detach), "taking the host's root away");
    check(::chdir("/"), "entering the new root");
}

} // namespace zoned::sys
