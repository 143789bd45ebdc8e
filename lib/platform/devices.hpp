// The zone's /dev: a small tmpfs of the host with the few device nodes that a
// zone may open. It must be made by the host, because nodes on a file system
// of the zone's own user namespace cannot be opened.
#pragma once

#include "platform/step.hpp"

namespace zoned::platform {

[[nodiscard]] Step devicesStep();

/// The first process's half, on the attached /dev beneath `root`: links, devpts, shm, mqueue.
void furnishDev(int root);

} // namespace zoned::platform
