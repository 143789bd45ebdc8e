// Which init a root file system holds, and what each kind understands.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "zone/definition.hpp"

namespace zoned::platform {

struct FoundInit {
    zone::InitKind kind = zone::InitKind::custom;
    std::string path; // inside the zone: "/sbin/init"
};

/// Looks for an init beneath `root`, in the order of the kernel's own search. Throws sys::Error ENOENT
/// where there is none.
[[nodiscard]] FoundInit findInit(int root);

/// How a kind of init is asked to shut down.
struct StopRequest {
    int signal = 0;                   // to init; 0: none
    std::vector<std::string> command; // run inside the zone instead
};

[[nodiscard]] StopRequest stopRequest(zone::InitKind kind);

/// systemd says READY=1 on NOTIFY_SOCKET; the others are called booted when they have run for a moment.
[[nodiscard]] bool saysReady(zone::InitKind kind) noexcept;

} // namespace zoned::platform
