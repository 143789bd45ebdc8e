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
};

/// posix_spawn(3), which unlike fork(2) does not copy page tables: the time does not grow with our memory.
[[nodiscard]] pid_t spawn(const Program& program);

} // namespace zoned::daemon
