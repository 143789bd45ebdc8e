#include "store/folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/undo.hpp"

namespace zoned::store {

namespace {

std::string parentOf(const std::string& path) {
    return path.substr(0, path.rfind('/'));
}

} // namespace

void makeFolder(const std::string& path, mode_t mode) {
    sys::check(::mkdir(path.c_str(), 0700), "making the folder ", path);
    // A parent with the set-group-id bit would have given its group and the bit away.
    sys::check(::chown(path.c_str(), ::geteuid(), ::getegid()), "taking the folder ", path);
    sys::check(::chmod(path.c_str(), mode), "setting the mode of ", path);
}

std::string makeTemporaryFolder(const std::string& prefix) {
    std::string path = prefix + "XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) {
        sys::throwErrno("making a temporary folder ", prefix, "XXXXXX");
    }
    return path;
}

std::string moveAside(const std::string& path, const std::string& prefix) {
    // rename(2) replaces an empty folder: the fresh one holds the name until then.
    std::string aside = makeTemporaryFolder(prefix);
    sys::Undo undo([&] { ::rmdir(aside.c_str()); });
    sys::check(::rename(path.c_str(), aside.c_str()), "renaming ", path, " to ", aside);
    undo.cancel();
    syncFolder(parentOf(path));
    if (parentOf(aside) != parentOf(path)) {
        syncFolder(parentOf(aside));
    }
    return aside;
}

void renameDurably(const std::string& from, const std::string& to, const std::string& parent) {
    sys::check(::rename(from.c_str(), to.c_str()), "renaming ", from, " to ", to);
    syncFolder(parent);
}

void syncFolder(const std::string& path) {
    const sys::UniqueFd folder = sys::open(path, O_RDONLY | O_DIRECTORY);
    sys::check(::fsync(folder.get()), "writing the folder ", path, " to the disk");
}

} // namespace zoned::store
