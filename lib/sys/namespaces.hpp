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

/// Puts the caller into a mount namespace of its own, a copy of the present one that no mount event crosses, for
/// as long as the object lives. The caller must have one thread. A way back that fails ends the process.
class PrivateMountNamespace {
public:
    PrivateMountNamespace();
    PrivateMountNamespace(const PrivateMountNamespace&) = delete;
    PrivateMountNamespace& operator=(const PrivateMountNamespace&) = delete;
    ~PrivateMountNamespace();

private:
    UniqueFd home_;
};

} // namespace zoned::sys
