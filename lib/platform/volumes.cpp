#include "platform/volumes.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>

#include "platform/bringup.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/mount.hpp"

namespace zoned::platform {

namespace {

/// Maps the ids of a volume as the zone's own layers are: host root's files are the zone's root's. Some file
/// systems cannot (overlayfs, NFS): there the files show the host's ids, unmapped, "nobody" in the zone.
void mapIds(const Bringup& bringup, int mount, const zone::Mount& entry) {
    if (bringup.zone.spec.privileged) {
        return;
    }
    try {
        sys::setMountAttributes(mount, 0, 0, bringup.userNamespace.get(), entry.source);
    } catch (const sys::Error& error) {
        if (error.code() != EINVAL) {
            throw;
        }
    }
}

void prepareVolume(Bringup& bringup, const zone::Mount& entry) {
    struct stat info {};
    sys::check(::stat(entry.source.c_str(), &info), "looking at the mount source ", entry.source);
    if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode)) {
        throw sys::Error("mounting " + entry.source + " in the zone: it is neither a folder nor a file", 0);
    }
    Volume volume;
    volume.target = entry.target;
    volume.directory = S_ISDIR(info.st_mode);
    volume.mount = sys::cloneMount(entry.source);
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
