#include "platform/volumes.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>

#include "platform/bringup.hpp"
#include "platform/own_folders.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/idmap.hpp"
#include "sys/mount.hpp"
#include "zone/mount_target.hpp"

namespace zoned::platform {

namespace {

/// Maps the ids of a volume as the zone's own layers are: host root's files are the zone's root's. Some file
/// systems cannot (overlayfs, NFS), nor can a mount that is mapped already be mapped again: there the files show the
/// host's ids, unmapped, "nobody" in the zone.
void mapIds(Bringup& bringup, int mount, const std::string& source) {
    if (bringup.zone.spec.privileged) {
        return;
    }
    if (!bringup.volumeIds) {
        bringup.volumeIds = sys::makeUserNamespace(bringup.zone.spec.idBase);
    }
    try {
        sys::setMountAttributes(mount, 0, 0, bringup.volumeIds.get(), source);
    } catch (const sys::Error& error) {
        if (error.code() != EINVAL && error.code() != EPERM) {
            throw;
        }
    }
}

/// Opens a path, from the folder at `at` where it is not absolute, without following a link: a zone that can write to a
/// part of the path could lead it anywhere.
sys::UniqueFd openUnlinked(int at, const std::string& path, const std::string& source) {
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const long fd = ::syscall(SYS_openat2, at, path.c_str(), &how, sizeof how);
    if (fd < 0 && errno == ELOOP) {
        throw sys::Error("opening the mount source " + source +
                             ": there is a symbolic link in it; name the folder that it leads to",
                         0);
    }
    return sys::UniqueFd(static_cast<int>(sys::check(fd, "opening the mount source ", source)));
}

struct Source {
    sys::UniqueFd fd;
    sys::UniqueFd parent; // the folder that it was found in
    bool directory = false;
};

/// The parent is that of the opened inode, not one that the path may lead to a moment later.
Source openSource(const std::string& path) {
    Source source;
    source.fd = openUnlinked(AT_FDCWD, path, path);
    struct stat info {};
    sys::check(::fstat(source.fd.get(), &info), "looking at the mount source ", path);
    source.directory = S_ISDIR(info.st_mode);
    if (!source.directory && !S_ISREG(info.st_mode)) {
        throw sys::Error("mounting " + path + " in the zone: it is neither a folder nor a file", 0);
    }
    if (source.directory) {
        source.parent = openUnlinked(source.fd.get(), "..", path);
    } else {
        const std::size_t slash = path.rfind('/');
        source.parent = openUnlinked(AT_FDCWD, path.substr(0, slash + 1), path);
        source.fd = openUnlinked(source.parent.get(), path.substr(slash + 1), path);
        sys::check(::fstat(source.fd.get(), &info), "looking at the mount source ", path);
        if (!S_ISREG(info.st_mode)) {
            throw sys::Error("mounting " + path + " in the zone: it was another thing a moment ago", 0);
        }
    }
    return source;
}

/// Where the source is now, as the mount table names it.
std::string pathOf(int fd, const std::string& source) {
    std::string path(PATH_MAX, '\0');
    const ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path.data(), path.size());
    path.resize(static_cast<std::size_t>(sys::check(size, "looking where the mount source ", source, " is")));
    return path;
}

bool isNosuid(int fd, const std::string& source) {
    struct statvfs info {};
    sys::check(::fstatvfs(fd, &info), "looking at the file system of ", source);
    return (info.f_flag & ST_NOSUID) != 0;
}

/// True where only the host's root gets past this folder. One on a nosuid mount may be, or lie in, what a zone may
/// write to (see refuseOpen), and is the zone's to open then.
bool closesWay(int folder, const struct stat& info, const std::string& source) {
    return info.st_uid == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) == 0 && !isNosuid(folder, source);
}

/// True where a folder above the source keeps all but the host's root out. The source's own mode says nothing: its
/// owner is the zone's root, who may change it.
bool closedToOthers(const Source& source, const std::string& name) {
    sys::UniqueFd folder = openUnlinked(source.parent.get(), ".", name);
    struct stat info {};
    sys::check(::fstat(folder.get(), &info), "looking at what is above ", name);
    while (!closesWay(folder.get(), info, name)) {
        sys::UniqueFd above = openUnlinked(folder.get(), "..", name);
        struct stat next {};
        sys::check(::fstat(above.get(), &next), "looking at what is above ", name);
        if (next.st_dev == info.st_dev && next.st_ino == info.st_ino) { // "/" is its own parent
            return false;
        }
        folder = std::move(above);
        info = next;
    }
    return true;
}

/// The zone's root is the host's root in a volume: a program that it marks set-user-id there would make any user
/// of the host that can reach it root (CVE-2025-64507). `nosuid` holds for the zone's own mount only.
[[noreturn]] void refuseOpen(const std::string& source) {
    throw sys::Error("showing " + source +
                         " in the zone: users of the host can reach it, or would once the zone's root changes its "
                         "mode, and could run what that root leaves there as the host's root; move it into a folder "
                         "that is root's and closed to all others (mkdir -m 0700), mount it nosuid, or make the "
                         "mount read-only",
                     0);
}

/// File systems that are no files but the kernel itself, or a door to something else (a trigger, a namespace). The zone
/// has those of its own that it may have.
bool isKernels(const std::string& type) {
    constexpr std::array<std::string_view, 21> types = {
        "autofs", "binfmt_misc", "bpf",      "cgroup",     "cgroup2", "configfs",  "debugfs",
        "devpts", "devtmpfs",    "efivarfs", "fusectl",    "mqueue",  "hugetlbfs", "nsfs",
        "nfsd",   "proc",        "pstore",   "rpc_pipefs", "sysfs",   "tracefs",   "securityfs"};
    return std::ranges::find(types, type) != types.end();
}

/// The mount of this entry of the table; nothing where it is gone, or another mount lies over it.
sys::UniqueFd openPart(const Source& source, const sys::MountBelow& below) {
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    sys::UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, source.fd.get(), below.path.c_str(), &how, sizeof how)));
    return fd && sys::mountIdOf(fd.get()) == below.id ? std::move(fd) : sys::UniqueFd();
}

std::vector<VolumePart> takeParts(Bringup& bringup, const Source& source, const zone::Mount& entry, bool mayBeOpen,
                                  sys::MountAttributes attributes) {
    constexpr std::size_t most = 200; // each is a descriptor until the zone's first process is made
    std::vector<VolumePart> parts;
    if (!source.directory) {
        return parts;
    }
    for (const sys::MountBelow& below : sys::mountsBelow(pathOf(source.fd.get(), entry.source))) {
        const sys::UniqueFd place = isKernels(below.type) ? sys::UniqueFd() : openPart(source, below);
        if (!place) {
            continue;
        }
        const std::string object = entry.source + "/" + below.path;
        refuseOwnFolders(place.get(), object, bringup.zone.spec.ownFolders);
        if (!mayBeOpen && !below.nosuid) {
            refuseOpen(object);
        }
        if (parts.size() == most) {
            throw sys::Error(sys::join("showing ", entry.source, " in the zone: more than ", most,
                                       " file systems are mounted below it; name the folders that the zone needs"),
                             0);
        }
        parts.push_back({sys::cloneMountAt(place.get(), object), below.path});
        sys::setMountAttributes(parts.back().mount.get(), attributes, 0, -1, object);
        mapIds(bringup, parts.back().mount.get(), object);
    }
    return parts;
}

void prepareVolume(Bringup& bringup, const zone::Mount& entry) {
    const Source source = openSource(entry.source);
    refuseOwnFolders(source.fd.get(), entry.source, bringup.zone.spec.ownFolders);
    const bool mayBeOpen = entry.readOnly || closedToOthers(source, entry.source);
    if (!mayBeOpen && !isNosuid(source.fd.get(), entry.source)) {
        refuseOpen(entry.source);
    }
    Volume volume;
    volume.target = entry.target;
    volume.directory = source.directory;
    volume.mount = sys::cloneMountAt(source.fd.get(), entry.source);
    const sys::MountAttributes attributes =
        MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (entry.readOnly ? MOUNT_ATTR_RDONLY : 0);
    sys::setMountAttributes(volume.mount.get(), attributes, 0, -1, entry.source);
    mapIds(bringup, volume.mount.get(), entry.source);
    volume.parts = takeParts(bringup, source, entry, mayBeOpen, attributes);
    bringup.volumes.push_back(std::move(volume));
}

/// The zone may have led the target elsewhere, by links among its own files: what counts is the place that was opened.
void refuseKeptPlace(int root, int place) {
    const std::string led = sys::pathOf(place).substr(sys::pathOf(root).size());
    const auto kept = led.empty() ? "/" : zone::keptFolder(led);
    if (kept) {
        throw sys::Error(sys::join("links in the zone lead there to ", led.empty() ? "/" : led,
                                   ", and nothing may be mounted ",
                                   led.empty() ? "over its root" : sys::join("in ", *kept),
                                   "; remove the link inside the zone, or choose another target"),
                         0);
    }
}

} // namespace

Step volumeStep(const BootSpec&, const zone::Mount& mount) {
    return {"mount:" + mount.target,
            "show " + mount.source + (mount.readOnly ? ", read-only" : "") + " there",
            [mount](Bringup& bringup) { prepareVolume(bringup, mount); },
            {}};
}

VolumeStage::VolumeStage(const std::string& mountPlaces, const std::vector<Volume>& volumes) {
    if (volumes.empty()) {
        return;
    }
    namespace_ = std::make_unique<sys::PrivateMountNamespace>();
    const sys::UniqueFd stage = sys::makeFileSystem("tmpfs", {{"mode", "700"}}, 0);
    sys::attachMount(stage.get(), sys::openDirectory(mountPlaces + "/volumes").get(), "the volumes' stage");
    for (std::size_t index = 0; index < volumes.size(); ++index) {
        const std::string name = std::to_string(index);
        const sys::UniqueFd place = volumes[index].directory ? sys::makeDirectoriesBeneath(stage.get(), name)
                                                             : sys::openBeneath(stage.get(), name, O_RDONLY | O_CREAT,
                                                                                sys::FileType::regular, 0600);
        const Volume& volume = volumes[index];
        sys::attachMount(volume.mount.get(), place.get(), "the volume for " + volume.target);
        for (const VolumePart& part : volume.parts) {
            const sys::UniqueFd folder = sys::openBeneath(volume.mount.get(), part.path, O_PATH, sys::FileType::any);
            sys::attachMount(part.mount.get(), folder.get(), part.path + " of the volume for " + volume.target);
        }
    }
}

std::vector<Volume> takeVolumes(const BootSpec& spec, const std::string& mountPlaces) {
    std::vector<Volume> volumes;
    for (const zone::Mount& entry : spec.mounts) {
        const sys::UniqueFd place = sys::open(sys::join(mountPlaces, "/volumes/", volumes.size()), O_PATH);
        struct stat info {};
        sys::check(::fstat(place.get(), &info), "looking at the volume for ", entry.target);
        volumes.push_back({sys::cloneTreeAt(place.get(), entry.source), entry.target, S_ISDIR(info.st_mode), {}});
    }
    return volumes;
}

void attachVolume(int root, const Volume& volume) {
    sys::UniqueFd place;
    if (volume.directory) {
        place = sys::makeDirectoriesBeneath(root, volume.target);
    } else {
        const std::size_t slash = volume.target.rfind('/');
        const sys::UniqueFd folder = sys::makeDirectoriesBeneath(root, volume.target.substr(0, slash + 1));
        place = sys::openBeneath(root, volume.target, O_RDONLY | O_CREAT, sys::FileType::regular, 0644);
    }
    refuseKeptPlace(root, place.get());
    sys::attachMount(volume.mount.get(), place.get(), "the volume at " + volume.target);
}

} // namespace zoned::platform
