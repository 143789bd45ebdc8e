// The zone's root file system.
//
// Image and layer stay owned by ids 0…65535 on disk. The supervisor makes
// detached, id-mapped copies of their mounts; the overlay is made from them by
// the zone's first process in the zone's own user namespace, with `userxattr`.
// Made by the host, the overlay would let the zone's root open device nodes
// that lie in the image (a `remount,dev` is not locked then).
#pragma once

#include <string>

#include "platform/step.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::platform {

/// Empty folders of the host, shared by all zones: each zone attaches its layers there in its own mount
/// namespace only, while its root is put together.
struct MountPlaces {
    sys::UniqueFd image;
    sys::UniqueFd layer;
    sys::UniqueFd root;
};

[[nodiscard]] Step rootStep(const BootSpec& spec);

/// Makes the folders below `folder` where they are missing.
void makeMountPlaces(const std::string& folder);
/// Opens them, in the mount namespace that they are to be used in, and while the caller's ids are still the
/// host's: the folders above need not be open to others.
[[nodiscard]] MountPlaces openMountPlaces(const std::string& folder);
/// The first process's half: puts the root together on `places` and returns its mount.
[[nodiscard]] sys::UniqueFd assembleRoot(const MountPlaces& places, const sys::UniqueFd& image,
                                         const sys::UniqueFd& layer);

} // namespace zoned::platform
