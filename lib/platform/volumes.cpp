#include "platform/volumes.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/bringup.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/idmap.hpp"
#include "sys/mount.hpp"

namespace zoned::platform {

namespace {

/// Maps the ids of a volume as the zone's own layers are: host root's files are the zone's root's. Some file
/// systems cannot (overlayfs, NFS): there the files show the host's ids, unmapped, "nobody" in the zone.
void mapIds(Bringup& bringup, int mount, const zone::Mount& entry) {
    if (bringup.zone.spec.privileged) {
        return;
    }
    if (!bringup.volumeIds) {
        bringup.volumeIds = sys::makeUserNamespace(bringup.zone.spec.idBase);
    }
    try {
        sys::setMountAttributes(mount, 0, 0, bringup.volumeIds.get(), entry.source);
    } catch (const sys::Error& error) {
        if (error.code() != EINVAL) {
            throw;
        }
    }
}

/// Opens the source without following a link: a zone that can write to a part of the path could lead it anywhere.
sys::UniqueFd openSource(const std::string& source) {
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const long fd = ::syscall(SYS_openat2, AT_FDCWD, source.c_str(), &how, sizeof how);
    if (fd < 0 && errno == ELOOP) {
        throw sys::Error("opening the mount source " + source +
                             ": there is a symbolic link in it; name the folder that it leads to",
                         0);
    }
    return sys::UniqueFd(static_cast<int>(sys::check(fd, "opening the mount source ", source)));
}

/// True where some folder of the path, or the source itself, is closed to the host's other users.
bool closedToOthers(const std::string& source) {
    for (std::string path = source; path.size() > 1; path.erase(path.rfind('/'))) {
        struct stat info {};
        sys::check(::lstat(path.c_str(), &info), "looking at ", path);
        if (S_ISDIR(info.st_mode) && (info.st_mode & S_IXOTH) == 0) {
            return true;
        }
        if (path.rfind('/') == 0) {
            break;
        }
    }
    return false;
}

/// The zone's root is the host's root in a volume: a program that it marks set-user-id there would make any user
/// of the host that can reach it root (CVE-2025-64507). `nosuid` holds for the zone's own mount only.
void refuseOpenSource(int source, const zone::Mount& entry) {
    struct statvfs info {};
    sys::check(::fstatvfs(source, &info), "looking at the file system of ", entry.source);
    if (entry.readOnly || (info.f_flag & ST_NOSUID) != 0 || closedToOthers(entry.source)) {
        return;
    }
    throw sys::Error("showing " + entry.source +
                         " in the zone: every user of the host can reach it, and could run what the zone's root "
                         "leaves there as the host's root; close it (chmod o-x " +
                         entry.source + "), mount it nosuid, or make the mount read-only",
                     0);
}

void prepareVolume(Bringup& bringup, const zone::Mount& entry) {
    const sys::UniqueFd source = openSource(entry.source);
    struct stat info {};
    sys::check(::fstat(source.get(), &info), "looking at the mount source ", entry.source);
    if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode)) {
        throw sys::Error("mounting " + entry.source + " in the zone: it is neither a folder nor a file", 0);
    }
    Volume volume;
    volume.target = entry.target;
    volume.directory = S_ISDIR(info.st_mode);
    refuseOpenSource(source.get(), entry);
    volume.mount = sys::cloneMountAt(source.get(), entry.source);
    const sys::MountAttributes readOnly = entry.readOnly ? MOUNT_ATTR_RDONLY : 0;
    sys::setMountAttributes(volume.mount.get(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | readOnly, 0, -1, entry.source);
    mapIds(bringup, volume.mount.get(), entry);
    bringup.volumes.push_back(std::move(volume));
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
        sys::attachMount(volumes[index].mount.get(), place.get(), "the volume for " + volumes[index].target);
    }
}

std::vector<Volume> takeVolumes(const BootSpec& spec, const std::string& mountPlaces) {
    std::vector<Volume> volumes;
    for (const zone::Mount& entry : spec.mounts) {
        const sys::UniqueFd place = sys::open(sys::join(mountPlaces, "/volumes/", volumes.size()), O_PATH);
        struct stat info {};
        sys::check(::fstat(place.get(), &info), "looking at the volume for ", entry.target);
        volumes.push_back({sys::cloneMountAt(place.get(), entry.source), entry.target, S_ISDIR(info.st_mode)});
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
    sys::attachMount(volume.mount.get(), place.get(), "the volume at " + volume.target);
}

} // namespace zoned::platform
