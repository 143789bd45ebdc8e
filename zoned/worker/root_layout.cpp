#include "root_layout.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

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

/// Folders that a root has itself: one of them is not the root.
bool isPartOfRoot(const std::string& name) {
    constexpr std::array<std::string_view, 15> parts = {"boot", "dev",  "etc", "home", "lib", "lib64", "media", "mnt",
                                                        "opt",  "proc", "run", "srv",  "sys", "tmp",   "var"};
    return std::ranges::find(parts, name) != parts.end();
}

sys::UniqueFd openFolderAt(int top, const std::string& name) {
    return sys::UniqueFd(::openat(top, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
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
    const Names names = sys::listDirectoryAt(top, "the top of the archive");
    Names roots;
    for (const std::string& name : names) {
        const sys::UniqueFd folder = isPartOfRoot(name) ? sys::UniqueFd() : openFolderAt(top, name);
        if (folder && looksLikeRoot(folder.get())) {
            roots.push_back(name);
        }
    }
    if (roots.size() > 1) {
        refuse(sys::join("it holds more than one root file system (", listed(roots), "): import each by itself"));
    }
    if (roots.empty()) {
        refuseLookalike(top, names);
        return layout;
    }
    layout.folder = roots.front();
    for (const std::string& name : names) {
        if (name != layout.folder) {
            layout.beside.push_back(printable(name, 60));
        }
    }
    return layout;
}

sys::UniqueFd openRoot(int top, const RootLayout& layout) {
    sys::UniqueFd folder = openFolderAt(top, layout.folder.empty() ? "." : layout.folder);
    if (!folder) {
        sys::throwErrno("opening the root file system in the archive");
    }
    return folder;
}

bool isPlainName(std::string_view name) {
    return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
           name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

bool hasInit(int root) {
    // as in platform/init_kind.cpp
    constexpr std::array places = {"sbin/init",           "etc/init",        "bin/init", "usr/lib/systemd/systemd",
                                   "lib/systemd/systemd", "sbin/openrc-init"};
    return std::ranges::any_of(places, [&](const char* place) {
        try {
            (void)sys::openBeneath(root, place, O_PATH, sys::FileType::regular);
            return true;
        } catch (const sys::Error&) {
            return false;
        }
    });
}

} // namespace zoned::worker
