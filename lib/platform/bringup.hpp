// What the steps of one boot hand to each other, and the run of the list.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/boot_spec.hpp"
#include "platform/run_record.hpp"
#include "platform/step.hpp"
#include "sys/channel.hpp"
#include "sys/process.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::platform {

/// A detached mount on its way to the zone's first process, and where it goes in the zone.
struct Volume {
    sys::UniqueFd mount;
    std::string target;
    bool directory = true;
};

struct Bringup {
    Remains zone;
    std::string seccompFilter; // bytes of the filter, read before anything is made
    std::string mountPlaces;   // the folder of MountPlaces (rootfs.hpp)

    // made by the steps, in this order
    sys::UniqueFd payload; // the cgroup that the zone's processes live in
    sys::Child init;       // the zone's first process, later its init
    sys::Channel channel;  // to it; see handshake.hpp
    sys::UniqueFd userNamespace;
    sys::UniqueFd image; // detached, id-mapped
    sys::UniqueFd layer;
    sys::UniqueFd dev;
    std::vector<Volume> volumes;
    sys::UniqueFd console; // master end of the zone's console
    sys::UniqueFd notify;  // what init sends READY=1 to
    std::string initKind;  // "systemd", …: what was found
};

/// Takes one step: notes it in the record, then acts. `stepTaken` hooks of the fault tests sit here.
void take(const Step& step, Bringup& bringup, RunRecord& record);

/// Runs the `down`s of the steps in the record, the last first, and removes the record when all went well.
/// Every step is tried; the faults come back together in one sys::Error.
void takeDown(RunRecord& record);

} // namespace zoned::platform
