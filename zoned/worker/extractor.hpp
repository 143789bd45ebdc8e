// Writes the entries of an archive beneath one folder.
//
// Every name in an archive is hostile. An entry's parent is looked up from the
// root's descriptor with openat2(2) and RESOLVE_BENEATH: a link on the way (`lib` to
// `usr/lib`) is followed while it stays inside, and the kernel itself stops at one
// that is absolute or climbs out. A later entry takes the place of an earlier one, as
// with tar, but by a new inode, never through it; a folder alone is never replaced.
// What breaks a rule is not skipped: the whole archive is refused, because an archive
// that tries one thing is not to be trusted with the rest.
//
// The extractor is the only writer of the tree and removes no folder, so a parent's
// descriptor stays true once looked up, until a link is replaced.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <ctime>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "entry_attributes.hpp"
#include "entry_path.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::worker {

struct Budget {
    std::uint64_t bytes = 0;   // data of all files, without their holes
    std::uint64_t entries = 0; // entries of the archive, whatever they are
};

/// Writes bytes at an offset of the file being extracted.
using BlockSink = std::function<void(std::uint64_t offset, std::string_view data)>;
/// Feeds a file's data, block by block, to the sink.
using BlockSource = std::function<void(const BlockSink& sink)>;

/// Largest size of a file, holes included: what ext4 can have.
constexpr std::uint64_t maxFileSize = std::uint64_t{16} << 40;

class Extractor {
public:
    /// @param root the folder to fill, empty; the descriptor stays the caller's
    Extractor(int root, Budget budget);

    void addDirectory(const EntryPath& path, const Attributes& attributes);
    void addFile(const EntryPath& path, const Attributes& attributes, std::uint64_t size, const BlockSource& source);
    void addSymlink(const EntryPath& path, const Attributes& attributes, const std::string& target);
    void addHardlink(const EntryPath& path, const EntryPath& target);
    void addFifo(const EntryPath& path, const Attributes& attributes);
    /// Device nodes and sockets: not made, and counted outside of /dev, which is the zone's own anyway.
    void strip(const EntryPath& path);
    /// Sets what had to wait until nothing is written any more: access lists that name users, lists that a folder hands
    /// down, the folders' times. @param accounts the folder with the etc/passwd that knows the names
    void finish(int accounts);

    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::uint64_t files() const noexcept { return files_; }
    [[nodiscard]] std::uint64_t directories() const noexcept { return directories_; }
    [[nodiscard]] std::uint64_t stripped() const noexcept { return stripped_; }
    [[nodiscard]] const LeftOut& leftOut() const noexcept { return leftOut_; }

private:
    /// Lists of a file that can only be set at the end.
    struct LateAcls {
        ino_t inode = 0;
        Acl access;
        Acl defaults;
    };

    void countEntry(const EntryPath& path);
    void spend(const EntryPath& path, std::uint64_t bytes);
    int parentOf(const EntryPath& path, bool make);
    sys::UniqueFd makeParents(const EntryPath& path);
    void makeRoom(int parent, const EntryPath& path);
    void noteAcls(int fd, const EntryPath& path, const Attributes& attributes);
    void setLateAcls(int accounts);
    void writeData(int file, const EntryPath& path, std::uint64_t size, const BlockSource& source);

    int root_;
    Budget budget_;
    std::uint64_t bytes_ = 0;
    std::uint64_t files_ = 0;
    std::uint64_t directories_ = 0;
    std::uint64_t stripped_ = 0;
    std::uint64_t entries_ = 0;
    LeftOut leftOut_;
    std::string cachedParent_;
    sys::UniqueFd cachedParentFd_;
    bool cacheIsStale_ = false;
    std::map<ino_t, std::uint64_t> sparseBytes_; // of files that are less than their size says
    std::map<std::string, timespec> directoryTimes_;
    std::map<std::string, LateAcls> lateAcls_;
};

} // namespace zoned::worker
