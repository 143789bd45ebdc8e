// What the steps of one boot hand to each other, and the run of the list.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/boot_spec.hpp"
#include "platform/run_record.hpp"
#include "platform/step.hpp"
#include "platform/volumes.hpp"
#include "sys/channel.hpp"
#include "sys/process.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::platform {

struct Bringup {
    Remains zone;
    std::string seccompFilter; // bytes of the filter, read before anything is made
    std::string mountPlaces;   // the folder of MountPlaces (rootfs.hpp)

    // made by the steps, in this order
    sys::UniqueFd payload;   // the cgroup that the zone's processes live in
    sys::UniqueFd volumeIds; // a user namespace with the zone's id map, for the volumes
    std::vector<Volume> volumes;
    sys::Child init;      // the zone's first process, later its init
    sys::Channel channel; // to it; see handshake.hpp
    sys::UniqueFd userNamespace;
    sys::UniqueFd image; // detached, id-mapped
    sys::UniqueFd layer;
    sys::UniqueFd dev;
    sys::UniqueFd console; // master end of the zone's console
    sys::UniqueFd notify;  // what init sends READY=1 to
    std::string initKind;  // "systemd", …: what was found
};

/// Takes one step: notes it in the record, then acts. `stepTaken` hooks of the fault tests sit here.
void take(const Step& step, Bringup& bringup, RunRecord& record);

/// Runs the `down`s of the steps in the record, the last first, and removes the record when all went well.
/// Every step is tried; the faults come back together in one sys::Error.
void takeDown(RunRecord& record);
/// As takeDown, where the record was lost: every `down` of the zone's plan, with what its name alone tells.
void takeDownWithoutRecord(const Remains& zone);

} // namespace zoned::platform
