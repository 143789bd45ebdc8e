// Folders of the cgroup v2 tree, given as absolute paths.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "sys/unique_fd.hpp"

namespace zoned::sys {

/// The controllers a cgroup could hand to its children ("cpu", "memory", …).
[[nodiscard]] std::vector<std::string> availableControllers(const std::string& cgroup);
/// Hands those of `wanted` that the cgroup has to its children. The cgroup must hold no process (or be the root).
void enableControllers(const std::string& cgroup, const std::vector<std::string>& wanted);
/// Makes one cgroup; an existing one is fine.
void makeCgroup(const std::string& cgroup);
/// Gives a zone the folder and the files with which it governs the tree below, not those with its own limits
/// (kernel: Documentation/admin-guide/cgroup-v2.rst, "Delegation").
void delegateCgroup(const std::string& cgroup, uid_t uid, gid_t gid);
/// Moves a process (0: the caller) into the cgroup.
void joinCgroup(const std::string& cgroup, pid_t pid = 0);
/// SIGKILL for every process of the cgroup and of those below; an absent one is fine.
void killCgroup(const std::string& cgroup);
/// Waits until no process is left in it and below (or it does not exist); false after the time-out.
[[nodiscard]] bool waitUntilEmpty(const std::string& cgroup, std::chrono::milliseconds timeout);
/// How many processes of it and of those below the kernel has killed for want of memory; 0 where it is not known.
[[nodiscard]] std::uint64_t oomKills(const std::string& cgroup);
/// Removes a cgroup that holds no process, and those below it; an absent one is fine.
void removeCgroupTree(const std::string& cgroup);
/// The root of the hierarchy that the cgroup is in: the nearest folder above that has no parent cgroup.
[[nodiscard]] std::string hierarchyRoot(const std::string& cgroup);

/// The cgroup v2 folder that the caller is in, absolute. Reads /proc by itself: the static supervisor cannot
/// have libmount (mount_table.hpp).
[[nodiscard]] std::string ownCgroup();

} // namespace zoned::sys
