// Folders and files of the host shown inside the zone: the definition's `mounts`.
//
// What the zone's root must not be able to take off a volume (read-only, nosuid,
// nodev) holds only where the kernel has locked it, and it locks the flags of those
// mounts that a new mount namespace inherits from a more privileged one. So the
// volumes are attached before the zone's first process is made, in a mount namespace
// of the supervisor's that lives for that moment; the process takes them from
// its own copy of it, locks and all. A mount handed over as a descriptor would
// come unlocked: `mount -o remount,rw` in the zone would open it.
//
// What is mounted below a source belongs to it, as its user sees it there; without
// it the zone would write into the folder beneath, where nobody ever looks. Each such
// mount is copied by itself, because each has to be judged and mapped by itself, and
// the kernel's own file systems (proc, sysfs, …) are left out: those a zone has of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "platform/step.hpp"
#include "sys/namespaces.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::platform {

/// A file system that the host has mounted below a volume's source.
struct VolumePart {
    sys::UniqueFd mount; // detached
    std::string path;    // from the volume's root
};

struct Volume {
    sys::UniqueFd mount; // detached
    std::string target;  // in the zone
    bool directory = true;
    std::vector<VolumePart> parts; // in the order in which they are attached
};

[[nodiscard]] Step volumeStep(const BootSpec& spec, const zone::Mount& mount);

/// While it lives, the caller is in a mount namespace where the volumes are attached in `mountPlaces`; without
/// volumes it stays where it is.
class VolumeStage {
public:
    VolumeStage(const std::string& mountPlaces, const std::vector<Volume>& volumes);

private:
    std::unique_ptr<sys::PrivateMountNamespace> namespace_;
};

/// The first process's half: takes the volumes of the spec from the stage, in order. Before it becomes the zone's
/// root, as the folders above need not be open to others.
[[nodiscard]] std::vector<Volume> takeVolumes(const BootSpec& spec, const std::string& mountPlaces);
/// Attaches a volume beneath `root`, making the target where it is missing.
void attachVolume(int root, const Volume& volume);

} // namespace zoned::platform
