// Folders that appear, move aside and disappear: what images and zones have in common.
#pragma once

#include <sys/types.h>

#include <string>

namespace zoned::store {

/// Makes one folder with exactly this mode, whatever the umask, owned by the caller. Error EEXIST where there is one.
void makeFolder(const std::string& path, mode_t mode);
/// Makes a folder PREFIX + six unpredictable characters, 0700; returns its path.
[[nodiscard]] std::string makeTemporaryFolder(const std::string& prefix);
/// Renames a folder to PREFIX + six unpredictable characters, durably; returns the new path.
[[nodiscard]] std::string moveAside(const std::string& path, const std::string& prefix);
/// rename(2), then fsync of the folder `parent`, in which both names are.
void renameDurably(const std::string& from, const std::string& to, const std::string& parent);
void syncFolder(const std::string& path);

} // namespace zoned::store
