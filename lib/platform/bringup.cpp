#include "platform/bringup.hpp"

#include <algorithm>

#include "platform/failpoint.hpp"
#include "platform/handshake.hpp"
#include "platform/plan.hpp"
#include "sys/error.hpp"

namespace zoned::platform {

namespace {

std::string folderOf(const std::string& path) {
    return path.substr(0, path.rfind('/'));
}

/// Every wanted `down`, the last first, also after one that failed.
void runDowns(const Remains& zone, const std::function<bool(const std::string& step)>& wanted) {
    const std::vector<Step> steps = plan(zone.spec);
    std::string faults;
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
        if (!step->down || !wanted(step->name)) {
            continue;
        }
        try {
            step->down(zone);
        } catch (const sys::Error& error) {
            faults += (faults.empty() ? "" : "; ") + step->name + ": " + error.what();
        }
    }
    if (!faults.empty()) {
        throw sys::Error("taking the zone down: " + faults, 0);
    }
}

} // namespace

void take(const Step& step, Bringup& bringup, RunRecord& record) {
    const std::string runZone = folderOf(record.path());
    passFailpoint(runZone, step.name, Moment::before);
    record.note(step.name);
    try {
        step.up(bringup);
    } catch (const sys::Error&) {
        if (bringup.channel) {
            throwPendingError(bringup.channel); // what the zone's process met is the cause of what we met
        }
        throw;
    }
    passFailpoint(runZone, step.name, Moment::after);
}

void takeDown(RunRecord& record) {
    const std::vector<std::string>& taken = record.steps();
    runDowns(record.zone(),
             [&taken](const std::string& step) { return std::find(taken.begin(), taken.end(), step) != taken.end(); });
    record.remove();
}

void takeDownWithoutRecord(const Remains& zone) {
    runDowns(zone, [](const std::string&) { return true; });
}

} // namespace zoned::platform
