#include "sys/mount_table.hpp"

#include <fcntl.h>
#include <libmount.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <memory>

#include "sys/error.hpp"

namespace zoned::sys {

namespace {

struct FreeTable {
    void operator()(libmnt_table* table) const { mnt_unref_table(table); }
};
struct FreeIterator {
    void operator()(libmnt_iter* iterator) const { mnt_free_iter(iterator); }
};

std::string textOf(const char* text) {
    return text == nullptr ? std::string() : std::string(text);
}

/// Whether the cgroup v2 tree is really what one meets there: a later mount may lie over it.
bool isVisibleCgroup2(const MountEntry& entry) {
    struct statfs status {};
    return entry.fsType == "cgroup2" && ::statfs(entry.target.c_str(), &status) == 0 &&
           status.f_type == CGROUP2_SUPER_MAGIC;
}

/// The usual places first: with several mounts of the one tree, all programs should name it alike.
int rank(const MountEntry& entry) {
    if (entry.target == "/sys/fs/cgroup") {
        return 0;
    }
    return entry.target == "/sys/fs/cgroup/unified" ? 1 : 2;
}

} // namespace

std::vector<MountEntry> mounts(pid_t pid) {
    const std::string path = join("/proc/", pid == 0 ? std::string("self") : std::to_string(pid), "/mountinfo");
    errno = 0;
    const std::unique_ptr<libmnt_table, FreeTable> table(mnt_new_table_from_file(path.c_str()));
    if (!table) {
        throwErrno("reading the mount table ", path);
    }
    const std::unique_ptr<libmnt_iter, FreeIterator> iterator(mnt_new_iter(MNT_ITER_FORWARD));
    if (!iterator) {
        throw Error(join("reading the mount table ", path), ENOMEM);
    }
    std::vector<MountEntry> entries;
    libmnt_fs* fs = nullptr;
    while (mnt_table_next_fs(table.get(), iterator.get(), &fs) == 0) {
        MountEntry entry;
        entry.id = mnt_fs_get_id(fs);
        entry.parent = mnt_fs_get_parent_id(fs);
        entry.target = textOf(mnt_fs_get_target(fs));
        entry.source = textOf(mnt_fs_get_source(fs));
        entry.fsType = textOf(mnt_fs_get_fstype(fs));
        entry.root = textOf(mnt_fs_get_root(fs));
        entries.push_back(std::move(entry));
    }
    return entries;
}

std::string cgroup2Mount() {
    const auto entries = mounts();
    const MountEntry* best = nullptr;
    for (const auto& entry : entries) {
        if (isVisibleCgroup2(entry) && (best == nullptr || rank(entry) < rank(*best))) {
            best = &entry;
        }
    }
    if (best == nullptr) {
        throw Error("looking for the cgroup v2 tree, which this host has not mounted: boot with "
                    "systemd.unified_cgroup_hierarchy=1, or without systemd run "
                    "'mount -t cgroup2 none /sys/fs/cgroup'",
                    ENOENT);
    }
    return best->target;
}

bool isMountPoint(const std::string& path) {
    struct statx status {};
    if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &status) < 0) {
        if (errno == ENOENT || errno == ENOTDIR) {
            return false;
        }
        throwErrno("asking whether ", path, " is a mount point");
    }
    // Known since Linux 5.8, so always; the mask says whether this file system's answer counts.
    return (status.stx_attributes_mask & status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

} // namespace zoned::sys
