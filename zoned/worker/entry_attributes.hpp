// What an archive's entry carries beside its data, and how it is put on a file: owner, mode, access control lists,
// extended attributes.
//
// Kept are those that mean the same in a zone. What is not kept is counted, so that an
// import can say so; what would be an order to the file system (overlayfs) is refused.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <ctime>
#include <map>
#include <string>
#include <string_view>

#include "entry_path.hpp"
#include "posix_acl.hpp"

namespace zoned::worker {

/// What all kinds of entries carry.
struct Attributes {
    std::int64_t uid = 0; // as the archive says; refused outside 0…65535
    std::int64_t gid = 0;
    mode_t mode = 0; // permission bits, set-id and sticky
    timespec modified{};
    std::map<std::string, std::string> xattrs; // libarchive writes each in two ways, and reads both
    Acl access;                                // empty where the mode says all
    Acl defaults;                              // of a folder
    bool otherAcl = false;                     // one that Linux does not have (NFSv4)
};

/// What was left out, by the name of the attribute.
class LeftOut {
public:
    void add(std::string_view name);
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    /// The first names, shown as text; "…" stands for more.
    [[nodiscard]] std::string names() const;

private:
    std::map<std::string, std::uint64_t> names_;
    std::uint64_t count_ = 0;
    bool more_ = false;
};

enum class EntryKind { file, folder, other };

/// Throws Failure badArchive for what no zone can have, and for what overlayfs would obey.
void checkAttributes(const EntryPath& path, const Attributes& attributes);
/// The bytes of extended attributes that go on the disk.
[[nodiscard]] std::uint64_t keptBytes(const Attributes& attributes, EntryKind kind);

/// Sets owner, mode, attributes and, where no name is in the way, the access list. The caller sets times.
void applyToFile(int fd, const EntryPath& path, const Attributes& attributes, EntryKind kind, LeftOut& leftOut);
/// The same for a link or a FIFO, by its name in a folder; these carry no more than an owner and a mode.
void applyAt(int parent, const EntryPath& path, const Attributes& attributes, bool withMode, LeftOut& leftOut);
/// For what carries nothing.
void countUnkept(const Attributes& attributes, LeftOut& leftOut);
/// Sets a list all of whose entries have ids, or counts it where the file system has none.
void applyAcl(int fd, const std::string& path, const char* name, const Acl& acl, LeftOut& leftOut);

/// "'etc/passwd'", as shown in messages.
[[nodiscard]] std::string quoted(const EntryPath& path);
[[noreturn]] void refuse(const EntryPath& path, std::string_view why);
[[noreturn]] void failErrno(std::string_view action, const EntryPath& path);

} // namespace zoned::worker
