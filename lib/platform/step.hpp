// One privileged act of bringing a zone up, and its undo.
//
// THE list of a zone's steps is plan() in plan.hpp. Boot runs every `up` in
// order and notes the step in the run record before it acts; a failure, a halt
// and the clean-up after a crash run the noted steps' `down` in reverse. There
// is no other way down.
//
// A `down` works from the record alone (the process that ran `up` may be dead),
// may be run again, and copes with a step that never happened or only half.
#pragma once

#include <functional>
#include <string>

#include "platform/boot_spec.hpp"

namespace zoned::platform {

struct Bringup;

/// What is known of a zone that was, perhaps only partly, up: the run record's content.
struct Remains {
    BootSpec spec;
    std::string cgroup; // the zone's cgroup, absolute; the payload is below it
};

struct Step {
    std::string name;    // "network:eth0"
    std::string purpose; // what `up` does, for people
    std::function<void(Bringup&)> up;
    std::function<void(const Remains&)> down; // empty: what `up` made goes with the zone's processes
};

} // namespace zoned::platform
