#include "root_layout.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <utility>

#include "failure.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::worker {

namespace {

using Names = std::vector<std::string>;

mode_t typeOf(int folder, const std::string& name) {
    struct stat info {};
    return ::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 ? info.st_mode & S_IFMT : 0;
}

bool isFile(int folder, const std::string& name) {
    return typeOf(folder, name) == S_IFREG;
}

bool isFolder(int folder, const std::string& name) {
    return typeOf(folder, name) == S_IFDIR;
}

/// Programs lie in one of these in every system, be it only by a link to the other.
bool looksLikeRoot(int folder) {
    constexpr std::array places = {"usr", "bin", "sbin", "nix", "gnu"};
    return std::ranges::any_of(places, [&](const char* place) {
        const mode_t type = typeOf(folder, place);
        return type == S_IFDIR || type == S_IFLNK;
    });
}

/// What is taken for the root though it lies deeper has to be surer of it: a folder of an application has a bin, too.
bool isWholeRoot(int folder) {
    return looksLikeRoot(folder) && (isFolder(folder, "etc") || isFolder(folder, "nix") || isFolder(folder, "gnu"));
}

/// Folders that a root has itself: one of them is not the root.
bool isPartOfRoot(const std::string& name) {
    constexpr std::array<std::string_view, 15> parts = {"boot", "dev",  "etc", "home", "lib", "lib64", "media", "mnt",
                                                        "opt",  "proc", "run", "srv",  "sys", "tmp",   "var"};
    return std::ranges::find(parts, name) != parts.end();
}

sys::UniqueFd openFolderAt(int top, const std::string& name) {
    return sys::UniqueFd(::openat(top, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
}

/// As deep as in what Incus exports as a backup: backup/container/rootfs.
constexpr int deepest = 3;

void findRootsBelow(int folder, const std::string& path, int depth, Names& roots, std::size_t& looked) {
    constexpr std::size_t most = 1000; // an archive may hold as many folders as it likes
    for (const std::string& name : sys::listDirectoryAt(folder, "what the archive holds")) {
        const sys::UniqueFd inner = isPartOfRoot(name) ? sys::UniqueFd() : openFolderAt(folder, name);
        if (!inner || ++looked > most) {
            continue;
        }
        const std::string place = path.empty() ? name : path + "/" + name;
        if (isWholeRoot(inner.get())) {
            roots.push_back(place);
        } else if (depth < deepest) {
            findRootsBelow(inner.get(), place, depth + 1, roots, looked);
        }
    }
}

/// Calls for each part of the path, with the folder that it lies in.
template <typename Visit>
void forEachPart(int top, const std::string& path, Visit visit) {
    sys::UniqueFd folder = openFolderAt(top, ".");
    for (std::size_t begin = 0; begin < path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const std::string part = path.substr(begin, end - begin);
        visit(folder.get(), part);
        folder = openFolderAt(folder.get(), part);
        begin = end + 1;
    }
}

[[noreturn]] void refuse(const std::string& sentence) {
    throw Failure(FailureKind::badArchive, sentence);
}

std::string listed(const Names& names) {
    constexpr std::size_t most = 5;
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), most); ++i) {
        text += (i == 0 ? "" : ", ") + printable(names[i], 60);
    }
    return names.size() > most ? text + ", …" : text;
}

bool endsWithAny(const std::string& name, const auto& endings) {
    return std::ranges::any_of(endings, [&](std::string_view ending) { return name.ends_with(ending); });
}

/// What people take for an image of files.
void refuseLookalike(int top, const Names& names) {
    if (isFile(top, "manifest.json") &&
        (isFolder(top, "blobs") || isFile(top, "repositories") ||
         std::ranges::any_of(names, [&](const std::string& name) { return isFile(top, name + "/layer.tar"); }))) {
        refuse("this is what 'docker save' writes, the layers of an image and no root file system; export the files of "
               "a container instead: docker export \"$(docker create IMAGE)\" >root.tar");
    }
    if (isFile(top, "oci-layout") || (isFile(top, "index.json") && isFolder(top, "blobs"))) {
        refuse("this is an OCI image, layers and no root file system; export the files of a container of it instead: "
               "podman export \"$(podman create IMAGE)\" >root.tar");
    }
    constexpr std::array<std::string_view, 6> disks = {".squashfs", ".img", ".raw", ".qcow2", ".vmdk", ".erofs"};
    constexpr std::array<std::string_view, 7> archives = {".tar",     ".tar.gz", ".tar.xz", ".tar.zst",
                                                          ".tar.bz2", ".tgz",    ".txz"};
    for (const std::string& name : names) {
        if (isFile(top, name) && endsWithAny(name, disks)) {
            refuse(sys::join("its root file system is a disk image in it, '", printable(name),
                             "'; a zone needs the files: mount or unpack that one, make a tar of what is in it, and "
                             "import the tar"));
        }
        if (isFile(top, name) && endsWithAny(name, archives)) {
            refuse(sys::join("its root file system is another archive in it, '", printable(name),
                             "': unpack this one, and import that one"));
        }
    }
    if (isFile(top, "metadata.yaml")) {
        refuse("this is the metadata of an Incus or LXD image that comes in two files; import the other one, with the "
               "root file system (rootfs.tar.xz, or a tar of what is in rootfs.squashfs)");
    }
}

} // namespace

RootLayout findRoot(int top) {
    RootLayout layout;
    if (looksLikeRoot(top)) {
        return layout;
    }
    Names roots;
    std::size_t looked = 0;
    findRootsBelow(top, "", 1, roots, looked);
    if (roots.size() > 1) {
        refuse(sys::join("it holds more than one root file system (", listed(roots), "): import each by itself"));
    }
    if (roots.empty()) {
        refuseLookalike(top, sys::listDirectoryAt(top, "the top of the archive"));
        return layout;
    }
    layout.folder = roots.front();
    forEachPart(top, layout.folder, [&](int folder, const std::string& part) {
        for (const std::string& name : sys::listDirectoryAt(folder, "what lies beside the root")) {
            if (name != part) {
                layout.beside.push_back(printable(name, 60));
            }
        }
    });
    return layout;
}

sys::UniqueFd openRoot(int top, const RootLayout& layout) {
    sys::UniqueFd root = openFolderAt(top, ".");
    forEachPart(top, layout.folder, [&](int folder, const std::string& part) { root = openFolderAt(folder, part); });
    if (!root) {
        sys::throwErrno("opening the root file system in the archive");
    }
    return root;
}

bool isPlainPath(std::string_view path) {
    if (path.size() > PATH_MAX - 1) {
        return false;
    }
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        if (!isPlainName(path.substr(begin, end - begin))) {
            return false;
        }
        begin = end + 1;
    }
    return true;
}

bool isPlainName(std::string_view name) {
    return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
           name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

std::string foreignMachine(std::string_view program) {
    constexpr std::size_t machineAt = 18; // e_machine, in 32 and 64 bits alike
    if (program.size() < machineAt + 2 || !program.starts_with(std::string_view(ELFMAG, SELFMAG))) {
        return "";
    }
    const auto byte = [&](std::size_t at) { return static_cast<unsigned>(static_cast<unsigned char>(program[at])); };
    const bool big = byte(EI_DATA) == ELFDATA2MSB;
    const unsigned machine = byte(machineAt + (big ? 1 : 0)) | byte(machineAt + (big ? 0 : 1)) << 8U;
#if defined(__x86_64__)
    constexpr std::array<unsigned, 2> ours = {EM_X86_64, EM_386};
#elif defined(__aarch64__)
    constexpr std::array<unsigned, 2> ours = {EM_AARCH64, EM_ARM};
#else
    const std::array<unsigned, 1> ours = {machine}; // nothing is known of what runs here
#endif
    if (std::ranges::find(ours, machine) != ours.end()) {
        return "";
    }
    constexpr std::array<std::pair<unsigned, std::string_view>, 8> names = {{{EM_X86_64, "x86-64"},
                                                                             {EM_386, "i386"},
                                                                             {EM_AARCH64, "aarch64"},
                                                                             {EM_ARM, "arm"},
                                                                             {EM_RISCV, "riscv"},
                                                                             {EM_PPC64, "ppc64"},
                                                                             {EM_S390, "s390"},
                                                                             {EM_MIPS, "mips"}}};
    const auto known = std::ranges::find(names, machine, &std::pair<unsigned, std::string_view>::first);
    return known != names.end() ? std::string(known->second) : sys::join("machine ", machine);
}

InitProgram lookAtInit(int root) {
    // as in platform/init_kind.cpp
    constexpr std::array places = {"sbin/init",           "etc/init",        "bin/init", "usr/lib/systemd/systemd",
                                   "lib/systemd/systemd", "sbin/openrc-init"};
    for (const char* place : places) {
        try {
            const sys::UniqueFd program = sys::openBeneath(root, place, O_RDONLY, sys::FileType::regular);
            std::array<char, 64> start{};
            const ssize_t size = ::pread(program.get(), start.data(), start.size(), 0);
            return {true, foreignMachine({start.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))})};
        } catch (const sys::Error&) {
            // not there, or something else
        }
    }
    return {};
}

} // namespace zoned::worker
