#include "extractor.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/posix_acl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "failure.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::worker {

namespace {

/// -1 with errno as openat2(2). Links on the way are followed while they stay beneath the root.
int openThere(int root, const std::string& path, std::uint64_t flags) {
    constexpr int mostAttempts = 1000;
    open_how how{};
    how.flags = flags | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    for (int attempt = 1;; ++attempt) {
        const long fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
        // EAGAIN: something was renamed or mounted, anywhere on the machine, while a ".." of a link was looked up
        if (fd >= 0 || errno != EAGAIN || attempt == mostAttempts) {
            return static_cast<int>(fd);
        }
    }
}

int openFolder(int root, const std::string& path) {
    return openThere(root, path, O_PATH | O_DIRECTORY);
}

/// Why a parent cannot be had; returns where it is only missing.
void refuseParent(const EntryPath& path, int code) {
    switch (code) {
    case ENOENT:
        return;
    case EXDEV:
        refuse(path, "lies below a symbolic link that leads out of the archive");
    case ELOOP:
        refuse(path, "lies below symbolic links without an end");
    case ENOTDIR:
        refuse(path, "lies below something that is no folder");
    case ENAMETOOLONG:
        refuse(path, "lies below a symbolic link with too long a name in it");
    default:
        errno = code;
        failErrno("looking up the folder of", path);
    }
}

void setTime(int parent, const EntryPath& path, const Attributes& attributes) {
    const timespec times[2] = {attributes.modified, attributes.modified};
    if (::utimensat(parent, path.name.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0) {
        failErrno("setting the time of", path);
    }
}

/// An account file of the image; "" where there is none to be read.
std::string accountsOf(int root, const char* file) {
    constexpr std::size_t limit = 1 << 20;
    try {
        return sys::readBeneath(root, file, limit).value_or("");
    } catch (const sys::Error&) {
        return ""; // a FIFO, a loop of links, too long: no names are known then
    }
}

} // namespace

Extractor::Extractor(int root, Budget budget) : root_(root), budget_(budget) {}

void Extractor::countEntry(const EntryPath& path) {
    if (++entries_ > budget_.entries) {
        refuse(path, sys::join("is one too many: at most ", budget_.entries, " are taken"));
    }
}

void Extractor::spend(const EntryPath& path, std::uint64_t bytes) {
    if (bytes > budget_.bytes || bytes_ > budget_.bytes - bytes) {
        refuse(path, sys::join("makes the image larger than the ", budget_.bytes, " bytes that are allowed"));
    }
    bytes_ += bytes;
}

int Extractor::parentOf(const EntryPath& path, bool make) {
    if (path.parent.empty()) {
        return root_;
    }
    if (cachedParentFd_ && !cacheIsStale_ && cachedParent_ == path.parent) {
        return cachedParentFd_.get();
    }
    sys::UniqueFd found(openFolder(root_, path.parent));
    if (!found && errno == ENOENT && make) {
        found = makeParents(path);
    }
    if (!found) {
        refuseParent(path, errno);
        return -1;
    }
    cachedParent_ = path.parent;
    cachedParentFd_ = std::move(found);
    cacheIsStale_ = false;
    return cachedParentFd_.get();
}

/// Folders that the archive implies without listing them: root's, 0755.
sys::UniqueFd Extractor::makeParents(const EntryPath& path) {
    const std::string& parent = path.parent;
    sys::UniqueFd folder;
    std::size_t end = 0;
    while (end != std::string::npos) {
        end = parent.find('/', end == 0 ? 0 : end + 1);
        const std::string prefix = parent.substr(0, end);
        sys::UniqueFd next(openFolder(root_, prefix));
        if (!next && errno == ENOENT) {
            const std::string name = prefix.substr(prefix.rfind('/') + 1);
            const int above = folder ? folder.get() : root_;
            if (::mkdirat(above, name.c_str(), 0755) < 0) {
                if (errno == EEXIST) {
                    refuse(path, "lies below a symbolic link that leads nowhere");
                }
                sys::throwErrno("making the folder '", printable(prefix), "'");
            }
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

/// Sees to it that the name is free: what is there goes, unless it is a folder.
void Extractor::makeRoom(int parent, const EntryPath& path) {
    struct stat present {};
    if (::fstatat(parent, path.name.c_str(), &present, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT) {
            return;
        }
        failErrno("looking at", path);
    }
    if (S_ISDIR(present.st_mode)) {
        refuse(path, "replaces a folder");
    }
    if (::unlinkat(parent, path.name.c_str(), 0) < 0) {
        failErrno("replacing", path);
    }
    --files_;
    cacheIsStale_ = cacheIsStale_ || S_ISLNK(present.st_mode); // it may have led to the folder that is remembered
    if (S_ISREG(present.st_mode) && present.st_nlink == 1) {
        const auto sparse = sparseBytes_.find(present.st_ino);
        bytes_ -= sparse != sparseBytes_.end() ? sparse->second : static_cast<std::uint64_t>(present.st_size);
        if (sparse != sparseBytes_.end()) {
            sparseBytes_.erase(sparse);
        }
    }
}

/// What a folder hands down would reach what the archive puts into it later, and names are known once the image has its
/// /etc/passwd.
void Extractor::noteAcls(int fd, const EntryPath& path, const Attributes& attributes) {
    LateAcls late;
    late.access = hasNames(attributes.access) ? attributes.access : Acl{};
    struct stat info {};
    sys::check(::fstat(fd, &info), "looking at ", quoted(path));
    if (S_ISDIR(info.st_mode)) {
        late.defaults = attributes.defaults;
    } else if (!attributes.defaults.empty()) {
        leftOut_.add(defaultAclName); // a file hands nothing down
    }
    if (late.access.empty() && late.defaults.empty()) {
        lateAcls_.erase(path.full());
        return;
    }
    late.inode = info.st_ino;
    lateAcls_[path.full()] = std::move(late);
}

void Extractor::addDirectory(const EntryPath& path, const Attributes& attributes) {
    countEntry(path);
    checkAttributes(path, attributes);
    if (path.isRoot()) {
        countUnkept(attributes, leftOut_); // the root's own owner and mode are ours to say
        return;
    }
    spend(path, keptBytes(attributes, EntryKind::folder));
    const int parent = parentOf(path, true);
    const auto enter = [&] {
        return sys::UniqueFd(
            ::openat(parent, path.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    };
    sys::UniqueFd folder = enter();
    if (!folder) {
        makeRoom(parent, path);
        if (::mkdirat(parent, path.name.c_str(), 0700) < 0) {
            failErrno("making the folder", path);
        }
        ++directories_;
        ++files_;
        folder = enter();
    } else if (::fremovexattr(folder.get(), accessAclName) < 0 && errno != ENODATA && errno != EOPNOTSUPP) {
        failErrno("removing the access control list of", path); // of an earlier entry for it
    }
    if (!folder) {
        failErrno("opening the folder", path);
    }
    applyToFile(folder.get(), path, attributes, EntryKind::folder, leftOut_);
    noteAcls(folder.get(), path, attributes);
    directoryTimes_[path.full()] = attributes.modified;
}

void Extractor::addFile(const EntryPath& path, const Attributes& attributes, std::uint64_t size,
                        const BlockSource& source) {
    countEntry(path);
    checkAttributes(path, attributes);
    if (path.isRoot()) {
        throw Failure(FailureKind::badArchive, "the archive's root is not a folder");
    }
    if (size > maxFileSize) {
        refuse(path, sys::join("is a file of ", size, " bytes; no file system here has such"));
    }
    spend(path, keptBytes(attributes, EntryKind::file));
    const int parent = parentOf(path, true);
    makeRoom(parent, path);
    const sys::UniqueFd file(
        ::openat(parent, path.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) {
        failErrno("making", path);
    }
    ++files_;
    writeData(file.get(), path, size, source);
    applyToFile(file.get(), path, attributes, EntryKind::file, leftOut_);
    noteAcls(file.get(), path, attributes);
    const timespec times[2] = {attributes.modified, attributes.modified};
    if (::futimens(file.get(), times) < 0) {
        failErrno("setting the time of", path);
    }
}

/// What is between the blocks stays a hole, and costs nothing.
void Extractor::writeData(int file, const EntryPath& path, std::uint64_t size, const BlockSource& source) {
    if (::ftruncate(file, static_cast<off_t>(size)) < 0) {
        if (errno == EFBIG) {
            refuse(path, sys::join("is a file of ", size, " bytes, which this file system cannot have"));
        }
        failErrno("setting the size of", path);
    }
    std::uint64_t written = 0;
    source([&](std::uint64_t offset, std::string_view data) {
        if (offset > size || data.size() > size - offset) {
            refuse(path, "holds more than the size it states");
        }
        spend(path, data.size());
        written += data.size();
        while (!data.empty()) {
            const ssize_t count = ::pwrite(file, data.data(), data.size(), static_cast<off_t>(offset));
            if (count < 0 && errno != EINTR) {
                failErrno("writing", path);
            }
            if (count > 0) {
                data.remove_prefix(static_cast<std::size_t>(count));
                offset += static_cast<std::uint64_t>(count);
            }
        }
    });
    if (written != size) {
        struct stat info {};
        sys::check(::fstat(file, &info), "looking at ", quoted(path));
        sparseBytes_[info.st_ino] = written;
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
    makeRoom(parent, path);
    if (::symlinkat(target.c_str(), parent, path.name.c_str()) < 0) {
        failErrno("making the link", path);
    }
    ++files_;
    applyAt(parent, path, attributes, false, leftOut_);
    setTime(parent, path, attributes);
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
        makeRoom(parent, path);
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
    makeRoom(parent, path);
    if (::mknodat(parent, path.name.c_str(), S_IFIFO | 0600, 0) < 0) {
        failErrno("making the FIFO", path);
    }
    ++files_;
    applyAt(parent, path, attributes, true, leftOut_);
    setTime(parent, path, attributes);
}

void Extractor::strip(const EntryPath& path) {
    countEntry(path);
    // in /dev of a root that lies in a folder of the archive, too
    const std::string parent = "/" + path.parent + "/";
    const std::size_t dev = parent.find("/dev/");
    stripped_ += dev == std::string::npos || parent.find('/', 1) < dev ? 1 : 0;
}

/// An access for a user or group that the image does not have is nobody's, and left out.
void Extractor::setLateAcls(int accounts) {
    if (lateAcls_.empty()) {
        return;
    }
    const Ids users = idsOf(accountsOf(accounts, "etc/passwd"));
    const Ids groups = idsOf(accountsOf(accounts, "etc/group"));
    const auto resolve = [&](Acl& acl) {
        for (AclEntry& entry : acl) {
            const Ids& known = entry.tag == ACL_USER ? users : groups;
            if (const auto found = known.find(entry.name); entry.id < 0 && found != known.end()) {
                entry.id = found->second;
            }
        }
        const auto unknown = [](const AclEntry& entry) { return entry.id < 0 && !entry.name.empty(); };
        for (const AclEntry& entry : acl) {
            if (unknown(entry)) {
                leftOut_.add(sys::join("access for ", entry.tag == ACL_USER ? "user '" : "group '", entry.name, "'"));
            }
        }
        std::erase_if(acl, unknown);
    };
    for (auto& [path, late] : lateAcls_) {
        const sys::UniqueFd file(openThere(root_, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
        struct stat info {};
        if (!file || ::fstat(file.get(), &info) < 0 || info.st_ino != late.inode) {
            continue; // a later entry has taken its place, or that of a link that led there
        }
        resolve(late.access);
        resolve(late.defaults);
        if (!late.access.empty()) {
            applyAcl(file.get(), path, accessAclName, late.access, leftOut_);
        }
        if (!late.defaults.empty()) {
            applyAcl(file.get(), path, defaultAclName, late.defaults, leftOut_);
        }
    }
}

void Extractor::finish(int accounts) {
    cachedParentFd_.reset();
    setLateAcls(accounts);
    for (const auto& [path, modified] : directoryTimes_) {
        const timespec times[2] = {modified, modified};
        const sys::UniqueFd folder(openFolder(root_, path));
        // one that was reached by way of a link that has become another thing since keeps the time of its last change
        if (folder && ::utimensat(folder.get(), "", times, AT_EMPTY_PATH) < 0) {
            sys::throwErrno("setting the time of the folder '", printable(path), "'");
        }
    }
}

} // namespace zoned::worker
