// Starts a program of ours: a session of its own, no signal blocked or ignored,
// and no descriptor but those named.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace zoned::daemon {

struct Program {
    std::vector<std::string> argv;        // argv[0] is the path
    std::vector<std::string> environment; // "NAME=value"
    /// (descriptor in the program, ours). 0 and 1 are /dev/null unless named; 2 is ours.
    std::vector<std::pair<int, int>> descriptors;
    int cgroup = -1; // a cgroup v2 folder that it is born in; -1: ours
};

/// Throws sys::Error, also where the program cannot be executed.
///
/// Born in its cgroup: a process that is moved there later, or moves itself, waits for a grace period of the kernel
/// (cgroup_threadgroup_rwsem), which took 10 ms and more of each boot.
[[nodiscard]] pid_t spawn(const Program& program);

} // namespace zoned::daemon
