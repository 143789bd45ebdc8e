// Block devices by number, as io.max of a cgroup wants them: whole disks, not
// partitions (Documentation/admin-guide/cgroup-v2.rst, "IO Interface Files").
#pragma once

#include <string>

namespace zoned::sys {

/// The disk of a block device, "8:0"; for a partition that of its disk. Throws Error where the path is none.
[[nodiscard]] std::string diskNumber(const std::string& device);
/// The disk that a folder's file system lies on. Throws Error where it has no device of its own (btrfs, a network).
[[nodiscard]] std::string diskNumberUnder(const std::string& folder);

} // namespace zoned::sys
