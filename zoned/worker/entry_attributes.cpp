#include "entry_attributes.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstring>

#include "failure.hpp"
#include "sys/error.hpp"

namespace zoned::worker {

namespace {

/// More than any system sets on a file. Not all file systems have a limit of their own.
constexpr std::size_t maxXattrs = 100;
constexpr std::size_t maxXattrBytes = 64 * 1024;

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
    std::size_t bytes = 0;
    for (const auto& [name, value] : attributes.xattrs) {
        if (name.starts_with("trusted.") || name.starts_with("user.overlay.")) {
            refuse(path, sys::join("carries the extended attribute '", printable(name), "'"));
        }
        bytes += name.size() + value.size();
    }
    if (attributes.xattrs.size() > maxXattrs || bytes > maxXattrBytes) {
        refuse(path,
               sys::join("carries more than ", maxXattrs, " extended attributes or ", maxXattrBytes, " bytes of them"));
    }
}

void checkAcl(const EntryPath& path, const Acl& acl) {
    if (acl.empty()) {
        return;
    }
    if (const std::string problem = aclProblem(acl); !problem.empty()) {
        refuse(path, "carries an access control list " + problem);
    }
}

/// Kept: a program's capabilities, and what users have noted. The rest are labels of the system that the archive came
/// from.
bool isKept(std::string_view name, EntryKind kind) {
    return (name == "security.capability" && kind == EntryKind::file) ||
           (name.starts_with("user.") && kind != EntryKind::other);
}

} // namespace

void LeftOut::add(std::string_view name) {
    constexpr std::size_t mostNames = 8; // they are the archive's to choose
    ++count_;
    const std::string shown = printable(name, 60);
    if (names_.size() < mostNames || names_.contains(shown)) {
        ++names_[shown];
    } else {
        more_ = true;
    }
}

std::string LeftOut::names() const {
    std::string text;
    for (const auto& [name, count] : names_) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return more_ ? text + ", …" : text;
}

void checkAttributes(const EntryPath& path, const Attributes& attributes) {
    (void)checkedId(path, attributes.uid, "user");
    (void)checkedId(path, attributes.gid, "group");
    checkXattrs(path, attributes);
    checkAcl(path, attributes.access);
    checkAcl(path, attributes.defaults);
}

std::uint64_t keptBytes(const Attributes& attributes, EntryKind kind) {
    std::uint64_t bytes = 0;
    for (const auto& [name, value] : attributes.xattrs) {
        bytes += isKept(name, kind) ? name.size() + value.size() : 0;
    }
    return bytes;
}

void applyToFile(int fd, const EntryPath& path, const Attributes& attributes, EntryKind kind, LeftOut& leftOut) {
    // the owner first: changing it clears set-id bits and capabilities
    if (::fchown(fd, checkedId(path, attributes.uid, "user"), checkedId(path, attributes.gid, "group")) < 0) {
        failErrno("setting the owner of", path);
    }
    if (::fchmod(fd, withoutMask(attributes.mode, attributes.access) & 07777) < 0) {
        failErrno("setting the mode of", path);
    }
    for (const auto& [name, value] : attributes.xattrs) {
        if (!isKept(name, kind)) {
            leftOut.add(name);
            continue;
        }
        const std::string content = name == "security.capability" ? portableCapability(path, value) : value;
        if (::fsetxattr(fd, name.c_str(), content.data(), content.size(), 0) < 0) {
            // of users' notes a file system holds few (ext4: a block for each file) or none
            if (name.starts_with("user.") && (errno == ENOSPC || errno == E2BIG || errno == EOPNOTSUPP)) {
                leftOut.add(name);
                continue;
            }
            failErrno(sys::join("setting the extended attribute '", printable(name), "' of"), path);
        }
    }
    if (attributes.otherAcl) {
        leftOut.add("NFSv4 access control list");
    }
    if (!attributes.access.empty() && !hasNames(attributes.access)) {
        applyAcl(fd, path.full(), accessAclName, attributes.access, leftOut);
    }
}

void applyAt(int parent, const EntryPath& path, const Attributes& attributes, bool withMode, LeftOut& leftOut) {
    const char* name = path.name.c_str();
    if (::fchownat(parent, name, checkedId(path, attributes.uid, "user"), checkedId(path, attributes.gid, "group"),
                   AT_SYMLINK_NOFOLLOW) < 0) {
        failErrno("setting the owner of", path);
    }
    // chmod follows links, but this is called for what was just made here
    if (withMode && ::fchmodat(parent, name, withoutMask(attributes.mode, attributes.access) & 07777, 0) < 0) {
        failErrno("setting the mode of", path);
    }
    countUnkept(attributes, leftOut);
}

void countUnkept(const Attributes& attributes, LeftOut& leftOut) {
    for (const auto& [name, value] : attributes.xattrs) {
        leftOut.add(name);
    }
    for (const auto& [list, name] :
         {std::pair(&attributes.access, accessAclName), std::pair(&attributes.defaults, defaultAclName)}) {
        if (!list->empty()) {
            leftOut.add(name);
        }
    }
    if (attributes.otherAcl) {
        leftOut.add("NFSv4 access control list");
    }
}

void applyAcl(int fd, const std::string& path, const char* name, const Acl& acl, LeftOut& leftOut) {
    const std::string bytes = encodeAcl(acl);
    if (::fsetxattr(fd, name, bytes.data(), bytes.size(), 0) == 0) {
        return;
    }
    if (errno != EOPNOTSUPP) {
        sys::throwErrno("setting the access control list of '", printable(path), "'");
    }
    leftOut.add(name);
}

std::string quoted(const EntryPath& path) {
    return sys::join("'", printable(path.full()), "'");
}

void refuse(const EntryPath& path, std::string_view why) {
    throw Failure(FailureKind::badArchive, sys::join("the archive's entry ", quoted(path), " ", why));
}

void failErrno(std::string_view action, const EntryPath& path) {
    const int code = errno;
    throw sys::Error(sys::join(action, " ", quoted(path)), code);
}

} // namespace zoned::worker
