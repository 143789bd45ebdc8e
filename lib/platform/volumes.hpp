// Folders and files of the host shown inside the zone: the definition's `mounts`.
#pragma once

#include "platform/step.hpp"

namespace zoned::platform {

struct Volume;

[[nodiscard]] Step volumeStep(const BootSpec& spec, const zone::Mount& mount);

/// The first process's half: attaches it beneath `root`, making the target where it is missing.
void attachVolume(int root, const Volume& volume);

} // namespace zoned::platform
