// What init and every program entered into a zone give up before they are
// executed: one place, so that exec and login are never freer than init.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zoned::platform {

/// PATH of programs started in a zone.
constexpr std::string_view standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A new session keyring, inherited descriptors closed at exec, default signals, the bounding set, the system
/// call filter. To be called as the zone's root: loading a filter takes CAP_SYS_ADMIN in the zone.
void confine(std::uint64_t capabilities, const std::string& seccompFilter);

/// Executes a program, looked for in the environment's PATH; throws sys::Error naming it where that fails.
[[noreturn]] void execute(const std::string& program, const std::vector<std::string>& argv,
                          const std::vector<std::string>& environment);

/// Privileged zones only, once /proc, /sys and /dev are mounted beneath `root`: hides what the host's root could misuse
/// and makes /proc/sys read-only. With a user namespace this would be decoration (zone root can unmount it) and break
/// nested /proc mounts.
void maskKernelFiles(int root);

/// The others, once /sys and /run/host are mounted: hides from the zone's users and services what /sys tells everybody
/// of the machine's firmware and make. (What it keeps for root is the host's root's: no id of the zone reads it.) A zone's
/// root may take the covers off, or mount sysfs anew: both show what every user of the host sees.
void coverMachine(int root);

} // namespace zoned::platform
