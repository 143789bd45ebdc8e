// Making processes with clone3(2), and saying how they ended.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "sys/unique_fd.hpp"

namespace zoned::sys {

struct Child {
    pid_t pid = -1;
    UniqueFd pidfd;
};

struct CloneOptions {
    std::uint64_t flags = 0; // CLONE_NEW…; CLONE_PIDFD is always added
    int cgroup = -1;         // a cgroup v2 folder to be born in (CLONE_INTO_CGROUP)
    /// The user that the new namespaces belong to, where that is not the caller, who must be root: the kernel counts
    /// them, and what is made of its limited things inside them, against this user's limits (namespaces(7), ENOSPC).
    std::optional<uid_t> owner;
    /// The child is to execute a program at once: it works in the caller's memory, which stands still until then, so
    /// that a large caller need not be copied (CLONE_VM | CLONE_VFORK; on x86-64, elsewhere a copy is made).
    bool borrow = false;
};

/// Forks with clone3: the child has a copy of everything, no signal handlers, runs `body` and ends with
/// what it returns. The caller must have one thread only. An exception of `body` ends the child with 127.
[[nodiscard]] Child cloneProcess(const CloneOptions& options, const std::function<int()>& body);

[[nodiscard]] UniqueFd openPidfd(pid_t pid);
/// False where the process is gone.
bool signalProcess(int pidfd, int signal);

/// "exited with status 3", "was killed by signal 9 (Killed)"; `status` as waitpid(2) gives it.
[[nodiscard]] std::string describeExit(int status);

/// Waits for a child and returns its status; -1 where there is no such child.
int waitForChild(pid_t pid);

/// No signal blocked, every signal's default action.
void resetSignals();
/// Back to what a new program expects: resetSignals(), and umask 022.
void resetSignalsAndUmask();
/// All descriptors from `first` on are closed when a program is executed.
void closeOnExecFrom(int first);
/// Nobody but the host's root may trace the caller or look into its descriptors, until it executes a program. To be
/// called after each change of ids: that makes a process what fs.suid_dumpable says, which may be traceable.
void forbidTracing();
/// Lets go of the caller's stdin, stdout and stderr: they are /dev/null from now on.
void leaveStreams();
/// A new, empty session keyring; kernels without keyrings are fine.
void joinNewSessionKeyring();

} // namespace zoned::sys
