// The rules for limits: of one zone (`resources` of its definition), or of a
// group of zones (`groups` of zoned.yaml).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "zone/cpu_set.hpp"
#include "zone/definition.hpp"
#include "zone/fault.hpp"

namespace zoned::zone {

/// What limits are judged by; pure data, filled in by the caller. The defaults ask nothing of the host.
struct HostResources {
    CpuSet cpus; // the processors that are online; empty: not known
    /// Why a device's name cannot be used; "" where it can. Not set: not known.
    std::function<std::string(const std::string& device)> deviceProblem;
};

/// A check's finding before it is given a file and a line.
struct Finding {
    std::string key;
    std::string text;
};

/// Keys are those below `resources`: "memory", "io[0].device".
[[nodiscard]] std::vector<Finding> validateResources(const Resources& resources, const HostResources& host);

/// Why a group cannot have that name; "" where it can.
[[nodiscard]] std::string groupNameProblem(const std::string& name);

} // namespace zoned::zone
