// Entering other processes' namespaces.
#pragma once

#include <sys/types.h>

#include "sys/unique_fd.hpp"

namespace zoned::sys {

/// The network namespace of a process.
[[nodiscard]] UniqueFd networkNamespaceOf(pid_t pid);
/// The user namespace of a process.
[[nodiscard]] UniqueFd userNamespaceOf(pid_t pid);
/// Joins the namespaces in `flags` (CLONE_NEW…) of the process; the pid namespace holds for children only.
void enterNamespaces(int pidfd, int flags);

} // namespace zoned::sys
