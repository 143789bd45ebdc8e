// Writes the entries of an archive beneath one folder.
//
// Every name in an archive is hostile. An entry's parent is looked up from the
// root's descriptor with openat2(2), without following any link: an archive
// cannot send a later entry through a link that an earlier one made. Nothing
// changes its type: a folder never becomes a link, a link never a file. What
// breaks a rule is not skipped: the whole archive is refused, because an
// archive that tries one thing is not to be trusted with the rest.
//
// The extractor is the only writer of the tree and removes no folder, so a
// parent's descriptor stays true once looked up.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <ctime>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "entry_path.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::worker {

struct Budget {
    std::uint64_t bytes = 0;   // apparent size of all files
    std::uint64_t entries = 0; // entries of the archive, whatever they are
};

/// What all kinds of entries carry.
struct Attributes {
    std::int64_t uid = 0; // as the archive says; refused outside 0…65535
    std::int64_t gid = 0;
    mode_t mode = 0; // permission bits, set-id and sticky
    timespec modified{};
    std::vector<std::pair<std::string, std::string>> xattrs;
};

/// Writes bytes at an offset of the file being extracted.
using BlockSink = std::function<void(std::uint64_t offset, std::string_view data)>;
/// Feeds a file's data, block by block, to the sink.
using BlockSource = std::function<void(const BlockSink& sink)>;

class Extractor {
public:
    /// @param root the folder to fill, empty; the descriptor stays the caller's
    Extractor(int root, Budget budget);

    void addDirectory(const EntryPath& path, const Attributes& attributes);
    void addFile(const EntryPath& path, const Attributes& attributes, std::uint64_t size, const BlockSource& source);
    void addSymlink(const EntryPath& path, const Attributes& attributes, const std::string& target);
    void addHardlink(const EntryPath& path, const EntryPath& target);
    void addFifo(const EntryPath& path, const Attributes& attributes);
    /// Device nodes and sockets: counted, not made.
    void strip(const EntryPath& path);
    /// Sets what had to wait until nothing is written any more: the folders' times, the root's owner and mode.
    void finish();

    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::uint64_t files() const noexcept { return files_; }
    [[nodiscard]] std::uint64_t directories() const noexcept { return directories_; }
    [[nodiscard]] std::uint64_t stripped() const noexcept { return stripped_; }

private:
    void countEntry(const EntryPath& path);
    int parentOf(const EntryPath& path, bool make);
    sys::UniqueFd makeParents(const std::string& parent);
    void makeRoom(int parent, const EntryPath& path, mode_t type);
    void applyToFile(int fd, const EntryPath& path, const Attributes& attributes, bool regular);
    void applyAt(int parent, const EntryPath& path, const Attributes& attributes, bool withMode);

    int root_;
    Budget budget_;
    std::uint64_t bytes_ = 0;
    std::uint64_t files_ = 0;
    std::uint64_t directories_ = 0;
    std::uint64_t stripped_ = 0;
    std::uint64_t entries_ = 0;
    std::string cachedParent_;
    sys::UniqueFd cachedParentFd_;
    std::map<std::string, timespec> directoryTimes_;
};

} // namespace zoned::worker
