// Which init a root file system holds, and what each kind understands.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "zone/definition.hpp"

namespace zoned::platform {

struct FoundInit {
    zone::InitKind kind = zone::InitKind::custom;
    std::string path;              // inside the zone: "/sbin/init"
    std::vector<std::string> argv; // what it is executed with
};

/// Which init the definition means: `wanted`, and for custom its program and arguments. A kind is looked for where
/// distributions put it, in the order of the kernel's own search, and known by what the program is, not by its name; an
/// /sbin/init that is not known is taken for the kind that the definition names. Throws sys::Error ENOENT where there is none.
[[nodiscard]] FoundInit findInit(int root, zone::InitKind wanted = zone::InitKind::automatic,
                                 const std::vector<std::string>& argv = {});

/// How a kind of init is asked to shut down.
struct StopRequest {
    int signal = 0;                   // to init; 0: none
    std::vector<std::string> command; // run inside the zone instead
};

[[nodiscard]] StopRequest stopRequest(zone::InitKind kind);

/// systemd says READY=1 on NOTIFY_SOCKET; the others are called booted when they have run for a moment.
[[nodiscard]] bool saysReady(zone::InitKind kind) noexcept;

} // namespace zoned::platform
