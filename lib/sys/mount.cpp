#include "sys/mount.hpp"

#include <fcntl.h>
// glibc's <sys/mount.h> and <linux/mount.h> cannot be included together on Debian 12
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "sys/error.hpp"

extern "C" int umount2(const char* target, int flags) noexcept;
extern "C" int mount(const char* source, const char* target, const char* type, unsigned long flags,
                     const void* data) noexcept;

namespace zoned::sys {

namespace {

constexpr int detach = 2;                             // MNT_DETACH
constexpr std::uint64_t privatePropagation = 0x40000; // MS_PRIVATE
constexpr unsigned long recursivePrivate = 0x44000;   // MS_REC | MS_PRIVATE
constexpr unsigned long recursiveShared = 0x104000;   // MS_REC | MS_SHARED

/// A copy belongs to the peer group of what it was copied from, and under systemd every mount of the host is shared:
/// what is mounted below the copy would appear on the host, and pivot_root(2) refuses a shared mount.
void makePrivate(int mount, const std::string& object) {
    mount_attr attr{};
    attr.propagation = privatePropagation;
    check(::syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attr, sizeof attr),
          "making the copy of the mount of ", object, " private");
}

/// mountinfo writes blanks, '\\' and the like as three octal digits.
std::string unescaped(const std::string& text) {
    const auto digit = [](char c) { return c >= '0' && c <= '7'; };
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size() && digit(text[i + 1]) && digit(text[i + 2]) && digit(text[i + 3])) {
            plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
            i += 3;
        } else {
            plain += text[i];
        }
    }
    return plain;
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

UniqueFd cloneTreeAt(int place, const std::string& object) {
    constexpr auto flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE;
    UniqueFd copy(
        static_cast<int>(check(::syscall(SYS_open_tree, place, "", flags), "copying the mounts of ", object)));
    makePrivate(copy.get(), object);
    return copy;
}

int mountIdOf(int fd) noexcept {
    struct statx info {};
    // no question to the file system: one of a server that is gone would not answer
    constexpr int flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
    return ::statx(fd, "", flags, STATX_MNT_ID, &info) == 0 ? static_cast<int>(info.stx_mnt_id) : -1;
}

std::vector<MountBelow> mountsBelow(const std::string& folder) {
    std::ifstream table("/proc/self/mountinfo");
    if (!table) {
        throwErrno("reading /proc/self/mountinfo");
    }
    const std::string prefix = folder.ends_with('/') ? folder : folder + "/";
    std::vector<MountBelow> found;
    for (std::string line; std::getline(table, line);) {
        // id, parent, device, root, mount point, options, any number of tags, "-", type, …: see proc(5)
        std::istringstream words(line);
        MountBelow mount;
        std::string word;
        std::string point;
        std::string options;
        words >> mount.id >> word >> word >> word >> point >> options;
        while (words >> word && word != "-") {
        }
        words >> mount.type;
        point = unescaped(point);
        if (!words || point.size() <= prefix.size() || !point.starts_with(prefix)) {
            continue;
        }
        mount.path = point.substr(prefix.size());
        mount.nosuid = ("," + options + ",").find(",nosuid,") != std::string::npos;
        found.push_back(std::move(mount));
    }
    std::ranges::stable_sort(found, {}, &MountBelow::path);
    return found;
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

bool isMount(int place, const std::string& object) {
    struct statx info {};
    check(::statx(place, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &info), "looking at ", object);
    return (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

void makeMountsPrivate() {
    check(::mount(nullptr, "/", nullptr, recursivePrivate, nullptr), "making the mounts private");
}

void makeMountsShared() {
    check(::mount(nullptr, "/", nullptr, recursiveShared, nullptr), "making the mounts shared");
}

void pivotRoot(int root) {
    check(::fchdir(root), "entering the zone's root");
    check(::syscall(SYS_pivot_root, ".", "."), "making the zone's root the root");
    check(::umount2(".", detach), "taking the host's root away");
    check(::chdir("/"), "entering the new root");
}

} // namespace zoned::sys
