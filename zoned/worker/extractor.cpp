#include "extractor.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <cstring>
#include <optional>

#include "failure.hpp"
#include "sys/error.hpp"

namespace zoned::worker {

namespace {

constexpr std::uint64_t beneathWithoutLinks =
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

std::string quoted(const EntryPath& path) {
    return sys::join("'", printable(path.full()), "'");
}

[[noreturn]] void refuse(const EntryPath& path, std::string_view why) {
    throw Failure(FailureKind::badArchive, sys::join("the archive's entry ", quoted(path), " ", why));
}

[[noreturn]] void failErrno(std::string_view action, const EntryPath& path) {
    const int code = errno;
    throw sys::Error(sys::join(action, " ", quoted(path)), code);
}

/// -1 with errno as openat2(2).
int openFolder(int root, const std::string& path) {
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = beneathWithoutLinks;
    return static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how));
}

uid_t checkedId(const EntryPath& path, std::int64_t id, std::string_view what) {
    if (id < 0 || id > 65535) {
        refuse(path, sys::join("belongs to ", what, " ", id, "; a zone has 0 to 65535"));
    }
    return static_cast<uid_t>(id);
}

/// File capabilities in the form that carries no user id (VFS_CAP_REVISION_2). What a tar made inside a user
/// namespace holds (revision 3) names the id of that namespace's root, which means nothing, or harm, here.
std::string portableCapability(const EntryPath& path, std::string value) {
    std::uint32_t magic = 0;
    if (value.size() < sizeof magic) {
        refuse(path, "has broken file capabilities");
    }
    std::memcpy(&magic, value.data(), sizeof magic);
    const std::uint32_t revision = magic & VFS_CAP_REVISION_MASK;
    if (revision == VFS_CAP_REVISION_3 && value.size() == XATTR_CAPS_SZ_3) {
        std::uint32_t rootid = 0;
        std::memcpy(&rootid, value.data() + XATTR_CAPS_SZ_2, sizeof rootid);
        if (rootid != 0) {
            refuse(path, sys::join("has file capabilities of another user namespace (root id ", rootid, ")"));
        }
        magic = VFS_CAP_REVISION_2 | (magic & VFS_CAP_FLAGS_MASK);
        std::memcpy(value.data(), &magic, sizeof magic);
        value.resize(XATTR_CAPS_SZ_2);
    } else if (revision != VFS_CAP_REVISION_2 || value.size() != XATTR_CAPS_SZ_2) {
        refuse(path, "has file capabilities of an unknown form");
    }
    return value;
}

/// trusted.* and user.overlay.* are orders to overlayfs (whiteout, redirect, opaque) once the image is a layer.
void checkXattrs(const EntryPath& path, const Attributes& attributes) {
    for (const auto& [name, value] : attributes.xattrs) {
        if (name.starts_with("trusted.") || name.starts_with("user.overlay.")) {
            refuse(path, sys::join("carries the extended attribute '", printable(name), "'"));
        }
    }
}

void checkAttributes(const EntryPath& path, const Attributes& attributes) {
    (void)checkedId(path, attributes.uid, "user");
    (void)checkedId(path, attributes.gid, "group");
    checkXattrs(path, attributes);
}

} // namespace

Extractor::Extractor(int root, Budget budget) : root_(root), budget_(budget) {}

void Extractor::countEntry(const EntryPath& path) {
    if (++entries_ > budget_.entries) {
        refuse(path, sys::join("is one too many: at most ", budget_.entries, " are taken"));
    }
}

int Extractor::parentOf(const EntryPath& path, bool make) {
    if (path.parent.empty()) {
        return root_;
    }
    if (cachedParentFd_ && cachedParent_ == path.parent) {
        return cachedParentFd_.get();
    }
    sys::UniqueFd found(openFolder(root_, path.parent));
    if (!found && errno == ENOENT && make) {
        found = makeParents(path.parent);
    }
    if (!found) {
        switch (errno) {
        case ELOOP:
            refuse(path, "lies below a symbolic link");
        case ENOTDIR:
            refuse(path, "lies below something that is no folder");
        case ENOENT:
            return -1;
        default:
            failErrno("looking up the folder of", path);
        }
    }
    cachedParent_ = path.parent;
    cachedParentFd_ = std::move(found);
    return cachedParentFd_.get();
}

/// Folders that the archive implies without listing them: root's, 0755.
sys::UniqueFd Extractor::makeParents(const std::string& parent) {
    sys::UniqueFd folder;
    std::size_t end = 0;
    while (end != std::string::npos) {
        end = parent.find('/', end == 0 ? 0 : end + 1);
        const std::string prefix = parent.substr(0, end);
        sys::UniqueFd next(openFolder(root_, prefix));
        if (!next && errno == ENOENT) {
            const std::string name = prefix.substr(prefix.rfind('/') + 1);
            const int above = folder ? folder.get() : root_;
            sys::check(::mkdirat(above, name.c_str(), 0755), "making the folder '", printable(prefix), "'");
            // a set-group-id folder hands its group and bit down; these are meant to be plain
            sys::check(::fchownat(above, name.c_str(), 0, 0, AT_SYMLINK_NOFOLLOW), "giving '", printable(prefix),
                       "' its owner");
            sys::check(::fchmodat(above, name.c_str(), 0755, 0), "setting the mode of '", printable(prefix), "'");
            ++directories_;
            ++files_;
            next = sys::UniqueFd(openFolder(root_, prefix));
        }
        if (!next) {
            return next; // errno says why
        }
        folder = std::move(next);
    }
    return folder;
}

/// Sees to it that the name is free: what is there must be of the same type, and is replaced.
void Extractor::makeRoom(int parent, const EntryPath& path, mode_t type) {
    struct stat present {};
    if (::fstatat(parent, path.name.c_str(), &present, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT) {
            return;
        }
        failErrno("looking at", path);
    }
    if ((present.st_mode & S_IFMT) != type) {
        refuse(path, "replaces an earlier entry of another type");
    }
    if (::unlinkat(parent, path.name.c_str(), 0) < 0) {
        failErrno("replacing", path);
    }
    --files_;
    if (type == S_IFREG && present.st_nlink == 1) {
        bytes_ -= static_cast<std::uint64_t>(present.st_size);
    }
}

void Extractor::applyToFile(int fd, const EntryPath& path, const Attributes& attributes, bool regular) {
    // the owner first: changing it clears set-id bits and capabilities
    if (::fchown(fd, checkedId(path, attributes.uid, "user"), checkedId(path, attributes.gid, "group")) < 0) {
        failErrno("setting the owner of", path);
    }
    if (::fchmod(fd, attributes.mode & 07777) < 0) {
        failErrno("setting the mode of", path);
    }
    for (const auto& [name, value] : attributes.xattrs) {
        const bool capability = regular && name == "security.capability";
        if (!capability && !name.starts_with("user.")) {
            continue; // labels and ACLs of the system that the archive came from
        }
        const std::string content = capability ? portableCapability(path, value) : value;
        if (::fsetxattr(fd, name.c_str(), content.data(), content.size(), 0) < 0) {
            failErrno(sys::join("setting the extended attribute '", printable(name), "' of"), path);
        }
    }
}

void Extractor::applyAt(int parent, const EntryPath& path, const Attributes& attributes, bool withMode) {
    const char* name = path.name.c_str();
    if (::fchownat(parent, name, checkedId(path, attributes.uid, "user"), checkedId(path, attributes.gid, "group"),
                   AT_SYMLINK_NOFOLLOW) < 0) {
        failErrno("setting the owner of", path);
    }
    // chmod follows links, but this is called for what was just made here
    if (withMode && ::fchmodat(parent, name, attributes.mode & 07777, 0) < 0) {
        failErrno("setting the mode of", path);
    }
    const timespec times[2] = {attributes.modified, attributes.modified};
    if (::utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0) {
        failErrno("setting the time of", path);
    }
}

void Extractor::addDirectory(const EntryPath& path, const Attributes& attributes) {
    countEntry(path);
    checkAttributes(path, attributes);
    if (path.isRoot()) {
        return; // the root's own owner and mode are ours to say
    }
    const int parent = parentOf(path, true);
    if (::mkdirat(parent, path.name.c_str(), 0700) == 0) {
        ++directories_;
        ++files_;
    } else if (errno != EEXIST) {
        failErrno("making the folder", path);
    }
    const sys::UniqueFd folder(
        ::openat(parent, path.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!folder) {
        if (errno == ENOTDIR || errno == ELOOP) {
            refuse(path, "replaces an earlier entry of another type");
        }
        failErrno("opening the folder", path);
    }
    applyToFile(folder.get(), path, attributes, false);
    directoryTimes_[path.full()] = attributes.modified;
}

void Extractor::addFile(const EntryPath& path, const Attributes& attributes, std::uint64_t size,
                        const BlockSource& source) {
    countEntry(path);
    checkAttributes(path, attributes);
    if (path.isRoot()) {
        throw Failure(FailureKind::badArchive, "the archive's root is not a folder");
    }
    if (size > budget_.bytes || bytes_ > budget_.bytes - size) {
        refuse(path, sys::join("makes the image larger than the ", budget_.bytes, " bytes that are allowed"));
    }
    const int parent = parentOf(path, true);
    makeRoom(parent, path, S_IFREG);
    const sys::UniqueFd file(
        ::openat(parent, path.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) {
        failErrno("making", path);
    }
    bytes_ += size;
    ++files_;
    source([&](std::uint64_t offset, std::string_view data) {
        if (offset > size || data.size() > size - offset) {
            refuse(path, "holds more than the size it states");
        }
        while (!data.empty()) {
            const ssize_t written = ::pwrite(file.get(), data.data(), data.size(), static_cast<off_t>(offset));
            if (written < 0 && errno != EINTR) {
                failErrno("writing", path);
            }
            if (written > 0) {
                data.remove_prefix(static_cast<std::size_t>(written));
                offset += static_cast<std::uint64_t>(written);
            }
        }
    });
    // the end of a sparse file may be a hole
    if (::ftruncate(file.get(), static_cast<off_t>(size)) < 0) {
        failErrno("setting the size of", path);
    }
    applyToFile(file.get(), path, attributes, true);
    const timespec times[2] = {attributes.modified, attributes.modified};
    if (::futimens(file.get(), times) < 0) {
        failErrno("setting the time of", path);
    }
}

void Extractor::addSymlink(const EntryPath& path, const Attributes& attributes, const std::string& target) {
    countEntry(path);
    checkAttributes(path, attributes);
    if (path.isRoot()) {
        throw Failure(FailureKind::badArchive, "the archive's root is not a folder");
    }
    if (target.empty() || target.size() > maxEntryPath) {
        refuse(path, "is a link with an impossible target");
    }
    const int parent = parentOf(path, true);
    makeRoom(parent, path, S_IFLNK);
    if (::symlinkat(target.c_str(), parent, path.name.c_str()) < 0) {
        failErrno("making the link", path);
    }
    ++files_;
    applyAt(parent, path, attributes, false);
}

void Extractor::addHardlink(const EntryPath& path, const EntryPath& target) {
    countEntry(path);
    if (path.isRoot() || target.isRoot()) {
        throw Failure(FailureKind::badArchive, "the archive links to or from its root");
    }
    // the target's folder in a descriptor of its own: looking up the other one may replace the cached one
    const sys::UniqueFd targetParent(target.parent.empty() ? ::dup(root_) : openFolder(root_, target.parent));
    struct stat wanted {};
    if (!targetParent || ::fstatat(targetParent.get(), target.name.c_str(), &wanted, AT_SYMLINK_NOFOLLOW) < 0) {
        refuse(path, sys::join("is a hard link to ", quoted(target), ", which is not in the archive before it"));
    }
    if (S_ISDIR(wanted.st_mode)) {
        refuse(path, sys::join("is a hard link to the folder ", quoted(target)));
    }
    const int parent = parentOf(path, true);
    struct stat present {};
    if (::fstatat(parent, path.name.c_str(), &present, AT_SYMLINK_NOFOLLOW) == 0) {
        if (present.st_dev == wanted.st_dev && present.st_ino == wanted.st_ino) {
            return;
        }
        makeRoom(parent, path, wanted.st_mode & S_IFMT);
    }
    if (::linkat(targetParent.get(), target.name.c_str(), parent, path.name.c_str(), 0) < 0) {
        failErrno("making the hard link", path);
    }
    ++files_;
}

void Extractor::addFifo(const EntryPath& path, const Attributes& attributes) {
    countEntry(path);
    checkAttributes(path, attributes);
    if (path.isRoot()) {
        throw Failure(FailureKind::badArchive, "the archive's root is not a folder");
    }
    const int parent = parentOf(path, true);
    makeRoom(parent, path, S_IFIFO);
    if (::mknodat(parent, path.name.c_str(), S_IFIFO | 0600, 0) < 0) {
        failErrno("making the FIFO", path);
    }
    ++files_;
    applyAt(parent, path, attributes, true);
}

void Extractor::strip(const EntryPath& path) {
    countEntry(path);
    ++stripped_;
}

void Extractor::finish() {
    cachedParentFd_.reset();
    for (const auto& [path, modified] : directoryTimes_) {
        const timespec times[2] = {modified, modified};
        const sys::UniqueFd folder(openFolder(root_, path));
        if (!folder || ::utimensat(folder.get(), "", times, AT_EMPTY_PATH) < 0) {
            sys::throwErrno("setting the time of the folder '", printable(path), "'");
        }
    }
    sys::check(::fchown(root_, 0, 0), "setting the owner of the image's root");
    sys::check(::fchmod(root_, 0755), "setting the mode of the image's root");
}

} // namespace zoned::worker
