#include "platform/rootfs.hpp"

#include <linux/mount.h>
#include <sys/statvfs.h>

#include "platform/bringup.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/mount.hpp"

namespace zoned::platform {

namespace {

void prepareLayers(Bringup& bringup) {
    const BootSpec& spec = bringup.zone.spec;
    const int map = spec.privileged ? -1 : bringup.userNamespace.get();
    bringup.image = sys::cloneMount(spec.image);
    sys::setMountAttributes(bringup.image.get(), MOUNT_ATTR_RDONLY, 0, map, "the image " + spec.image);
    bringup.layer = sys::cloneMount(spec.layer);
    sys::setMountAttributes(bringup.layer.get(), 0, 0, map, "the zone's layer " + spec.layer);
}

/// The path of an open descriptor: it leads to the mount itself, also where the folders above it are closed
/// to the zone's ids, and works for overlayfs on kernels that know no layer descriptors (before 6.13).
std::string pathOf(const sys::UniqueFd& fd) {
    return sys::join("/proc/self/fd/", fd.get());
}

/// Where overlayfs cannot make its work folder, it makes a read-only file system and says so to the kernel's log alone.
void refuseReadOnly(const sys::UniqueFd& root) {
    struct statvfs info {};
    sys::check(::fstatvfs(root.get(), &info), "looking at the zone's root");
    if ((info.f_flag & ST_RDONLY) != 0) {
        throw sys::Error("making the zone's root: it would be read-only, because nothing can be written to the zone's "
                         "layer; is the file system that it lies on full (df, df -i) or itself read-only?",
                         0);
    }
}

} // namespace

Step rootStep(const BootSpec& spec) {
    const std::string map = spec.privileged ? std::string(", ids not mapped (privileged)")
                                            : sys::join(", ids 0-65535 mapped to ", spec.idBase, " and up");
    return {"root", "take the image " + spec.image + " and the zone's layer " + spec.layer + map, prepareLayers, {}};
}

void makeMountPlaces(const std::string& folder) {
    for (const char* name : {"/image", "/layer", "/root", "/volumes"}) {
        sys::makeDirectories(folder + name);
    }
}

MountPlaces openMountPlaces(const std::string& folder) {
    return {sys::openDirectory(folder + "/image"), sys::openDirectory(folder + "/layer"),
            sys::openDirectory(folder + "/root")};
}

sys::UniqueFd assembleRoot(const MountPlaces& places, const sys::UniqueFd& image, const sys::UniqueFd& layer) {
    // overlayfs wants its layers attached in the mount namespace that it is made in
    sys::attachMount(image.get(), places.image.get(), "the image");
    sys::attachMount(layer.get(), places.layer.get(), "the zone's layer");
    sys::UniqueFd root = sys::makeFileSystem("overlay",
                                             {{"lowerdir", pathOf(image)},
                                              {"upperdir", pathOf(layer) + "/upper"},
                                              {"workdir", pathOf(layer) + "/work"},
                                              {"userxattr", std::nullopt}},
                                             0);
    refuseReadOnly(root);
    sys::attachMount(root.get(), places.root.get(), "the zone's root");
    return root;
}

} // namespace zoned::platform
