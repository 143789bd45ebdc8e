// Removing a tree that somebody hostile has filled.
//
// The tree may be deeper than the stack, than the limit of descriptors and than
// PATH_MAX; it may hold directories with millions of entries, without permission
// bits, and links and mounts that lead elsewhere; and somebody may still be
// moving things about in it. Hence:
//
// - one descriptor is open at a time, the directory being worked on; the way
//   back is "..", and it is checked to be the directory we came from;
// - subdirectories are entered with RESOLVE_NO_XDEV and O_NOFOLLOW, so the kernel
//   itself refuses links and mount points, at the moment of entering;
// - the names of subdirectories still to be done are kept in batches with one
//   common limit, so memory stays bounded whatever the shape of the tree.
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::sys {

namespace {

/// How many names of subdirectories are remembered, of one directory and of all together. When the whole
/// is used up, a directory remembers one at a time and is listed again after each.
constexpr std::size_t batchLimit = 1024;
constexpr std::size_t totalLimit = 65536;
/// How often a directory that does not become empty is listed again before we give up: somebody is filling it.
constexpr int maxPasses = 64;

struct Level {
    dev_t device = 0;
    ino_t inode = 0;
    std::string name; ///< in the level above
    std::vector<std::string> pending;
    int fruitlessPasses = 0;
};

class TreeRemover {
public:
    TreeRemover(UniqueFd parent, const std::string& path) : current_(std::move(parent)), path_(path) {}

    void remove(const std::string& name) {
        if (!enter(name)) {
            return;
        }
        while (!levels_.empty()) {
            Level& level = levels_.back();
            if (!level.pending.empty()) {
                const std::string next = std::move(level.pending.back());
                level.pending.pop_back();
                --pendingTotal_;
                enter(next);
            } else if (!sweep(level)) {
                leave();
            }
        }
    }

private:
    static UniqueFd openStrictly(int directory, const char* name) {
        open_how how{};
        how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
        how.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
        for (int attempt = 1;; ++attempt) {
            const auto fd = ::syscall(SYS_openat2, directory, name, &how, sizeof(how));
            if (fd >= 0 || (errno != EAGAIN && errno != EINTR) || attempt == maxPasses) {
                return UniqueFd(static_cast<int>(fd));
            }
        }
    }

    /// Goes into a subdirectory; removes it on the spot where it is no directory (any more). False where it was
    /// not entered.
    bool enter(const std::string& name) {
        UniqueFd next = openStrictly(current_.get(), name.c_str());
        if (!next && errno == EACCES) {
            // Ours, but without permission bits. AT_SYMLINK_NOFOLLOW: it may have become a link by now.
            if (::fchmodat(current_.get(), name.c_str(), S_IRWXU, AT_SYMLINK_NOFOLLOW) == 0) {
                next = openStrictly(current_.get(), name.c_str());
            } else {
                errno = EACCES;
            }
        }
        if (!next) {
            const int code = errno;
            if (code == ENOENT) {
                return false;
            }
            if (code == ENOTDIR || code == ELOOP) {
                if (::unlinkat(current_.get(), name.c_str(), 0) < 0 && errno != ENOENT) {
                    fail(name);
                }
                return false;
            }
            errno = code;
            fail(name);
        }
        struct stat status {};
        check(::fstat(next.get(), &status), "reading the attributes of ", describe(name));
        if ((status.st_mode & S_IRWXU) != S_IRWXU) {
            ::fchmod(next.get(), S_IRWXU); // where this is not allowed, the removal below says so
        }
        if (levels_.empty()) {
            struct stat above {};
            check(::fstat(current_.get(), &above), "reading the attributes of the folder of ", path_);
            topDevice_ = above.st_dev;
            topInode_ = above.st_ino;
        }
        Level level;
        level.device = status.st_dev;
        level.inode = status.st_ino;
        level.name = name;
        levels_.push_back(std::move(level));
        current_ = std::move(next);
        return true;
    }

    /// Goes back up and removes the directory that was just emptied.
    void leave() {
        const std::string name = levels_.back().name;
        UniqueFd above = openStrictly(current_.get(), "..");
        if (!above) {
            fail(name);
        }
        struct stat status {};
        check(::fstat(above.get(), &status), "reading the attributes of the folder above ", describe(name));
        const bool top = levels_.size() == 1;
        const dev_t device = top ? topDevice_ : levels_[levels_.size() - 2].device;
        const ino_t inode = top ? topInode_ : levels_[levels_.size() - 2].inode;
        if (status.st_dev != device || status.st_ino != inode) {
            throw Error(join("removing ", describe(name), ", which was moved meanwhile"), ESTALE);
        }
        const int passes = levels_.back().fruitlessPasses;
        if (::unlinkat(above.get(), name.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT) {
            if ((errno == ENOTEMPTY || errno == EEXIST) && passes < maxPasses) {
                levels_.back().fruitlessPasses = passes + 1;
                return; // something appeared since the sweep: once more
            }
            fail(name);
        }
        current_ = std::move(above);
        levels_.pop_back();
    }

    /// Removes what is no directory and collects subdirectories; true where there are some to enter now.
    bool sweep(Level& level) {
        check(::lseek(current_.get(), 0, SEEK_SET), "listing ", describe(level.name));
        while (true) {
            const ssize_t length =
                check(::getdents64(current_.get(), buffer_.data(), buffer_.size()), "listing ", describe(level.name));
            if (length == 0) {
                return !level.pending.empty();
            }
            for (std::size_t offset = 0; offset < static_cast<std::size_t>(length);) {
                const auto* entry = reinterpret_cast<const dirent64*>(buffer_.data() + offset);
                offset += entry->d_reclen;
                const std::string name = entry->d_name;
                if (name == "." || name == "..") {
                    continue;
                }
                if (entry->d_type == DT_DIR || !unlinkFile(name)) {
                    level.pending.push_back(name);
                    ++pendingTotal_;
                    if (level.pending.size() >= batchLimit || pendingTotal_ >= totalLimit) {
                        return true;
                    }
                }
            }
        }
    }

    /// False where the name turns out to be a directory.
    bool unlinkFile(const std::string& name) {
        if (::unlinkat(current_.get(), name.c_str(), 0) == 0 || errno == ENOENT) {
            return true;
        }
        const int code = errno;
        struct stat status {};
        if ((code == EISDIR || code == EPERM) &&
            ::fstatat(current_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode)) {
            return false;
        }
        errno = code;
        fail(name);
    }

    [[nodiscard]] std::string describe(const std::string& name) const {
        return levels_.size() < 2 ? path_ : join("'", name, "' in ", path_);
    }

    [[noreturn]] void fail(const std::string& name) const {
        const int code = errno;
        throw Error(join("removing ", levels_.empty() ? path_ : join("'", name, "' in ", path_),
                         code == EXDEV || code == EBUSY ? ", where something is mounted" : ""),
                    code);
    }

    UniqueFd current_;
    std::string path_;
    std::vector<Level> levels_;
    std::size_t pendingTotal_ = 0;
    dev_t topDevice_ = 0;
    ino_t topInode_ = 0;
    alignas(dirent64) std::array<char, 32768> buffer_{};
};

void removeTreeOnce(const std::string& path) {
    const std::string trimmed = path.substr(0, path.find_last_not_of('/') + 1);
    const auto slash = trimmed.rfind('/');
    const std::string name = slash == std::string::npos ? trimmed : trimmed.substr(slash + 1);
    const std::string folder = slash == std::string::npos ? "." : trimmed.substr(0, std::max<std::size_t>(slash, 1));
    if (name.empty() || name == "." || name == ".." || path.find('\0') != std::string::npos) {
        throw Error(join("removing the tree '", path, "', which does not end in a name"), EINVAL);
    }
    UniqueFd parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent) {
        if (errno == ENOENT || errno == ENOTDIR) {
            return;
        }
        throwErrno("opening the folder ", folder);
    }
    TreeRemover(std::move(parent), trimmed).remove(name);
}

} // namespace

void removeTreeAt(int folder, const std::string& name) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos) {
        throw Error(join("removing the tree '", name, "', which is no name"), EINVAL);
    }
    UniqueFd parent(check(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "opening the folder of ", name));
    TreeRemover(std::move(parent), name).remove(name);
}

void removeTree(const std::string& path) {
    // Another remover may be at work on the same tree (the one of a service that was killed): a folder that it takes
    // away under our feet sends us back to the start, and there is less to do each time.
    constexpr int mostStarts = 1000;
    for (int start = 1;; ++start) {
        try {
            removeTreeOnce(path);
            return;
        } catch (const Error& error) {
            if (error.code() != ENOENT || start == mostStarts) {
                throw;
            }
        }
    }
}

} // namespace zoned::sys
