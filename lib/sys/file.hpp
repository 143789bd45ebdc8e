// Files and paths. The only place of the project that opens anything inside a
// zone's tree: everything in there, also while the zone is halted, is written
// by somebody we do not trust.
//
// Beneath-root functions take a directory descriptor as the root of the
// lookup. They resolve with openat2(2): links and ".." stay inside the root
// (RESOLVE_IN_ROOT) and magic links such as /proc/self/exe are refused
// (RESOLVE_NO_MAGICLINKS); the type of the inode is checked after opening.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sys/unique_fd.hpp"

namespace zoned::sys {

enum class FileType { regular, directory, any };

/// Opens a path of the host's own tree, O_CLOEXEC added.
[[nodiscard]] UniqueFd open(const std::string& path, int flags, mode_t mode = 0);
/// Opens a directory of the host's own tree with O_PATH.
[[nodiscard]] UniqueFd openDirectory(const std::string& path);

/// Opens `path` as seen from `root`, a hostile tree. Throws Error ENXIO where the inode is of another type.
[[nodiscard]] UniqueFd openBeneath(int root, const std::string& path, int flags, FileType type, mode_t mode = 0);
/// Makes the directory and its parents beneath `root`, 0755 unless said; existing ones are fine. Returns it, O_PATH.
UniqueFd makeDirectoriesBeneath(int root, const std::string& path, mode_t mode = 0755);
/// The folder above an open one, O_PATH, also out of the mount that it is the root of; that of "/" is itself. `object` is
/// what is looked for on the way.
[[nodiscard]] UniqueFd openParent(int folder, const std::string& object);
/// The content of a regular file beneath `root`, at most `limit` bytes (Error EFBIG beyond);
/// nothing where the file or a part of its path does not exist.
[[nodiscard]] std::optional<std::string> readBeneath(int root, const std::string& path, std::size_t limit);
/// Replaces a file beneath `root`: a new inode beside it, then rename. A link at the last part is replaced, not followed.
void replaceBeneath(int root, const std::string& path, std::string_view content, mode_t mode = 0644);
/// Where the link at the last part of `path` points, unresolved; nothing where it is no link or does not exist.
[[nodiscard]] std::optional<std::string> readLinkBeneath(int root, const std::string& path);

/// The content of a regular file of the host (at most `limit` bytes); nothing where it does not exist.
[[nodiscard]] std::optional<std::string> readFile(const std::string& path, std::size_t limit = 1 << 20);
/// One write(2) to an existing file (cgroup, /proc, /sys).
void writeKernelFile(const std::string& path, std::string_view value);
/// Durable replacement: temporary file in the same folder, fsync, rename, fsync of the folder.
void replaceFile(const std::string& path, std::string_view content, mode_t mode = 0600);
/// As replaceFile, without the fsyncs: for /run, which no power cut survives anyway.
void replaceVolatileFile(const std::string& path, std::string_view content, mode_t mode = 0600);
/// Removes a file, durably; false where there was none.
bool removeFile(const std::string& path);
/// mkdir -p with the mode for every folder it makes.
void makeDirectories(const std::string& path, mode_t mode = 0755);
/// Removes a tree without following links and without crossing into another mount; an absent one is fine.
void removeTree(const std::string& path);
/// The same for what has this name in an open folder.
void removeTreeAt(int folder, const std::string& name);
[[nodiscard]] bool exists(const std::string& path);
/// The names in a folder, sorted, without "." and ".."; empty where it does not exist.
[[nodiscard]] std::vector<std::string> listDirectory(const std::string& path);
/// The same of an open folder. @param object what it is, for messages
[[nodiscard]] std::vector<std::string> listDirectoryAt(int folder, const std::string& object);

/// Where what is open lies, as the kernel sees it from our root now (/proc/self/fd): no link is left in it.
[[nodiscard]] std::string pathOf(int fd);
/// Writes all of it, going on after EINTR and short writes.
void writeAll(int fd, std::string_view data, const std::string& object);
/// Reads to the end, at most `limit` bytes (Error EFBIG beyond).
[[nodiscard]] std::string readAll(int fd, const std::string& object, std::size_t limit);
void setNonBlocking(int fd, bool on = true);
void setCloseOnExec(int fd, bool on = true);

} // namespace zoned::sys
