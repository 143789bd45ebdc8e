#include "sys/file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "sys/error.hpp"
#include "sys/undo.hpp"

namespace zoned::sys {

namespace {

/// openat2(2) reports EAGAIN when a rename or mount anywhere raced with a lookup through "..". Whoever
/// lives in the tree can provoke that, so the number of attempts is bounded.
constexpr int maxLookups = 128;
constexpr std::uint64_t insideRoot = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

bool isAbsent(int code) {
    return code == ENOENT || code == ENOTDIR;
}

/// A NUL would silently end the path for the kernel: what is checked and what is opened would differ.
void refuseNul(const std::string& path) {
    if (path.find('\0') != std::string::npos) {
        throw Error("using a path with a NUL in it", EINVAL);
    }
}

int openat2(int directory, const char* path, int flags, mode_t mode, std::uint64_t resolve) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    // openat2 insists on a zero mode where nothing can be made.
    how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;
    how.resolve = resolve;
    for (int attempt = 1;; ++attempt) {
        const auto fd = ::syscall(SYS_openat2, directory, path, &how, sizeof(how));
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR) || attempt == maxLookups) {
            return static_cast<int>(fd);
        }
    }
}

UniqueFd openInRoot(int root, const std::string& path, int flags) {
    refuseNul(path);
    return UniqueFd(openat2(root, path.c_str(), flags, 0, insideRoot));
}

struct stat statOf(int fd, const std::string& object) {
    struct stat status {};
    check(::fstat(fd, &status), "reading the attributes of ", object);
    return status;
}

void requireType(int fd, FileType type, const std::string& path) {
    if (type == FileType::any) {
        return;
    }
    const mode_t mode = statOf(fd, path).st_mode;
    if (type == FileType::regular ? !S_ISREG(mode) : !S_ISDIR(mode)) {
        throw Error(
            join("opening ", path, ", which is not a ", type == FileType::regular ? "regular file" : "directory"),
            ENXIO);
    }
}

struct SplitPath {
    std::string folder; ///< "." where the path has none
    std::string name;
};

/// Parts a path into folder and last part, for functions that replace or remove that part.
SplitPath split(const std::string& path) {
    refuseNul(path);
    const auto slash = path.rfind('/');
    SplitPath parts;
    parts.name = slash == std::string::npos ? path : path.substr(slash + 1);
    parts.folder = slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
    if (parts.name.empty() || parts.name == "." || parts.name == "..") {
        throw Error(join("using the path '", path, "', which does not end in a name"), EINVAL);
    }
    return parts;
}

std::string randomName() {
    std::uint64_t number = 0;
    check(::getrandom(&number, sizeof(number), 0), "drawing a random name");
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), ".zoned-%016llx", static_cast<unsigned long long>(number));
    return text.data();
}

enum class Durability { volatileFile, durable };

/// The one way a file is replaced: whoever reads sees the old content or the new, whole and with its final mode.
void replaceIn(int folder, const std::string& name, std::string_view content, mode_t mode, Durability durability,
               const std::string& object) {
    const std::string temporary = randomName();
    // 0600 until the content is complete; the name is random and O_EXCL, so nobody can have prepared it.
    const UniqueFd file(
        check(::openat(folder, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600),
              "making a temporary file beside ", object));
    Undo undo([&] { ::unlinkat(folder, temporary.c_str(), 0); });
    writeAll(file.get(), content, object);
    check(::fchmod(file.get(), mode), "setting the mode of ", object);
    if (durability == Durability::durable) {
        check(::fsync(file.get()), "writing ", object, " to disk");
    }
    check(::renameat(folder, temporary.c_str(), folder, name.c_str()), "putting ", object, " in place");
    undo.cancel();
    if (durability == Durability::durable) {
        check(::fsync(folder), "writing the folder of ", object, " to disk");
    }
}

void replaceOnHost(const std::string& path, std::string_view content, mode_t mode, Durability durability) {
    const auto [folder, name] = split(path);
    const UniqueFd directory = open(folder, O_RDONLY | O_DIRECTORY);
    replaceIn(directory.get(), name, content, mode, durability, path);
}

/// Makes one directory with exactly this mode, whatever the umask; an existing one keeps its own.
void makeDirectoryAt(int parent, const std::string& name, mode_t mode, const std::string& path) {
    if (::mkdirat(parent, name.c_str(), mode) < 0) {
        if (errno == EEXIST) {
            return;
        }
        throwErrno("making the directory ", path);
    }
    const UniqueFd made(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    check(made.get(), "opening the new directory ", path);
    check(::fchmod(made.get(), mode), "setting the mode of ", path);
}

} // namespace

UniqueFd open(const std::string& path, int flags, mode_t mode) {
    refuseNul(path);
    while (true) {
        const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
        if (fd >= 0) {
            return UniqueFd(fd);
        }
        if (errno != EINTR) {
            throwErrno("opening ", path);
        }
    }
}

UniqueFd openDirectory(const std::string& path) {
    return open(path, O_PATH | O_DIRECTORY);
}

UniqueFd openBeneath(int root, const std::string& path, int flags, FileType type, mode_t mode) {
    refuseNul(path);
    if ((flags & O_PATH) != 0) {
        UniqueFd file(check(openat2(root, path.c_str(), flags, mode, insideRoot), "opening ", path));
        requireType(file.get(), type, path);
        return file;
    }
    if (type != FileType::any && (flags & (O_EXCL | O_TMPFILE)) == 0) {
        // Asked before the real opening, because opening a device may already act (a tape, a watchdog)
        // and opening a FIFO wakes whoever waits at its other end.
        const UniqueFd seen = openInRoot(root, path, O_PATH | (flags & O_NOFOLLOW));
        if (seen) {
            requireType(seen.get(), type, path);
        } else if (errno != ENOENT || (flags & O_CREAT) == 0) {
            throwErrno("opening ", path);
        }
    }
    // The inode may have been exchanged since: a FIFO must not hold us up, nor a terminal become ours, and
    // the type is asked again of what was really opened.
    UniqueFd file(
        check(openat2(root, path.c_str(), flags | O_NONBLOCK | O_NOCTTY, mode, insideRoot), "opening ", path));
    requireType(file.get(), type, path);
    if ((flags & O_NONBLOCK) == 0) {
        setNonBlocking(file.get(), false);
    }
    return file;
}

UniqueFd makeDirectoriesBeneath(int root, const std::string& path, mode_t mode) {
    refuseNul(path);
    UniqueFd current(check(openat2(root, ".", O_PATH | O_DIRECTORY, 0, insideRoot), "opening the root of ", path));
    std::size_t start = 0;
    while (start < path.size()) {
        const std::size_t slash = std::min(path.find('/', start), path.size());
        const std::string name = path.substr(start, slash - start);
        start = slash + 1;
        if (name.empty()) {
            continue;
        }
        // Always the whole path so far, from the root: only so do its links and ".." stay inside.
        const std::string soFar = path.substr(0, slash);
        UniqueFd next = openInRoot(root, soFar, O_PATH | O_DIRECTORY);
        if (!next && errno == ENOENT) {
            makeDirectoryAt(current.get(), name, mode, soFar);
            next = openInRoot(root, soFar, O_PATH | O_DIRECTORY);
        }
        check(next.get(), "opening the directory ", soFar);
        current = std::move(next);
    }
    return current;
}

UniqueFd openParent(int folder, const std::string& object) {
    return UniqueFd(
        check(::openat(folder, "..", O_PATH | O_DIRECTORY | O_CLOEXEC), "looking at the folders above ", object));
}

std::optional<std::string> readBeneath(int root, const std::string& path, std::size_t limit) {
    try {
        const UniqueFd file = openBeneath(root, path, O_RDONLY, FileType::regular);
        return readAll(file.get(), path, limit);
    } catch (const Error& error) {
        if (isAbsent(error.code())) {
            return std::nullopt;
        }
        throw;
    }
}

void replaceBeneath(int root, const std::string& path, std::string_view content, mode_t mode) {
    const auto [folder, name] = split(path);
    const UniqueFd directory = openInRoot(root, folder, O_PATH | O_DIRECTORY);
    check(directory.get(), "opening the folder of ", path);
    replaceIn(directory.get(), name, content, mode, Durability::volatileFile, path);
}

std::optional<std::string> readLinkBeneath(int root, const std::string& path) {
    const UniqueFd link = openInRoot(root, path, O_PATH | O_NOFOLLOW);
    if (!link) {
        if (isAbsent(errno)) {
            return std::nullopt;
        }
        throwErrno("opening ", path);
    }
    if (!S_ISLNK(statOf(link.get(), path).st_mode)) {
        return std::nullopt;
    }
    std::array<char, PATH_MAX> target{}; // no link is longer than PATH_MAX - 1
    const auto length = check(::readlinkat(link.get(), "", target.data(), target.size()), "reading the link ", path);
    return std::string(target.data(), static_cast<std::size_t>(length));
}

std::optional<std::string> readFile(const std::string& path, std::size_t limit) {
    refuseNul(path);
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file) {
        if (isAbsent(errno)) {
            return std::nullopt;
        }
        throwErrno("opening ", path);
    }
    requireType(file.get(), FileType::regular, path);
    return readAll(file.get(), path, limit);
}

void writeKernelFile(const std::string& path, std::string_view value) {
    const UniqueFd file = open(path, O_WRONLY);
    ssize_t written = -1;
    do {
        written = ::write(file.get(), value.data(), value.size());
    } while (written < 0 && errno == EINTR);
    check(written, "writing '", value, "' to ", path);
    if (static_cast<std::size_t>(written) != value.size()) {
        throw Error(join("writing '", value, "' to ", path, ": only a part was taken"), EIO);
    }
}

void replaceFile(const std::string& path, std::string_view content, mode_t mode) {
    replaceOnHost(path, content, mode, Durability::durable);
}

void replaceVolatileFile(const std::string& path, std::string_view content, mode_t mode) {
    replaceOnHost(path, content, mode, Durability::volatileFile);
}

bool removeFile(const std::string& path) {
    const auto [folder, name] = split(path);
    const UniqueFd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) {
        if (isAbsent(errno)) {
            return false;
        }
        throwErrno("opening the folder ", folder);
    }
    if (::unlinkat(directory.get(), name.c_str(), 0) < 0) {
        if (errno == ENOENT) {
            return false;
        }
        throwErrno("removing ", path);
    }
    check(::fsync(directory.get()), "writing the folder ", folder, " to disk");
    return true;
}

void makeDirectories(const std::string& path, mode_t mode) {
    refuseNul(path);
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
        return; // as nearly always
    }
    UniqueFd current = openDirectory(path.starts_with('/') ? "/" : ".");
    std::size_t start = 0;
    while (start < path.size()) {
        const std::size_t slash = std::min(path.find('/', start), path.size());
        const std::string name = path.substr(start, slash - start);
        start = slash + 1;
        if (name.empty()) {
            continue;
        }
        UniqueFd next(::openat(current.get(), name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (!next && errno == ENOENT) {
            makeDirectoryAt(current.get(), name, mode, path.substr(0, slash));
            next = UniqueFd(::openat(current.get(), name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        }
        check(next.get(), "opening the directory ", path.substr(0, slash));
        current = std::move(next);
    }
}

bool exists(const std::string& path) {
    refuseNul(path);
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) {
        return true;
    }
    if (!isAbsent(errno)) {
        throwErrno("looking for ", path);
    }
    return false;
}

std::vector<std::string> listDirectory(const std::string& path) {
    refuseNul(path);
    const UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK));
    if (!folder) {
        if (errno == ENOENT) {
            return {};
        }
        throwErrno("opening the directory ", path);
    }
    return listDirectoryAt(folder.get(), path);
}

std::vector<std::string> listDirectoryAt(int folder, const std::string& path) {
    struct CloseDirectory {
        void operator()(DIR* directory) const { ::closedir(directory); }
    };
    // a descriptor of its own: the place in the listing goes with it
    UniqueFd own(check(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "opening the directory ", path));
    const std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(own.get()));
    if (!directory) {
        throwErrno("listing the directory ", path);
    }
    (void)own.release(); // closedir(3) closes it
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(directory.get())) {
        std::string name = entry->d_name;
        if (name != "." && name != "..") {
            names.push_back(std::move(name));
        }
        errno = 0;
    }
    if (errno != 0) {
        throwErrno("listing the directory ", path);
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::string pathOf(int fd) {
    const std::string link = join("/proc/self/fd/", fd);
    std::array<char, PATH_MAX> path{};
    const auto length = check(::readlink(link.c_str(), path.data(), path.size()), "asking where a descriptor leads");
    return std::string(path.data(), static_cast<std::size_t>(length));
}

void writeAll(int fd, std::string_view data, const std::string& object) {
    while (!data.empty()) {
        const ssize_t written = ::write(fd, data.data(), data.size());
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            throwErrno("writing ", object);
        }
        data.remove_prefix(static_cast<std::size_t>(written));
    }
}

std::string readAll(int fd, const std::string& object, std::size_t limit) {
    std::string text;
    std::array<char, 16384> buffer{};
    while (true) {
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            throwErrno("reading ", object);
        }
        if (got == 0) {
            return text;
        }
        if (static_cast<std::size_t>(got) > limit - text.size()) {
            throw Error(join("reading ", object, ", which is longer than ", limit, " bytes"), EFBIG);
        }
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

void setNonBlocking(int fd, bool on) {
    const int flags = check(::fcntl(fd, F_GETFL), "reading the flags of descriptor ", fd);
    const int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (wanted != flags) {
        check(::fcntl(fd, F_SETFL, wanted), "setting the flags of descriptor ", fd);
    }
}

void setCloseOnExec(int fd, bool on) {
    check(::fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0), "setting close-on-exec of descriptor ", fd);
}

} // namespace zoned::sys
