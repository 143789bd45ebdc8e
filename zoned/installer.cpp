#include "installer.hpp"

#include "boot_spec_builder.hpp"
#include "lifecycle.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::daemon {
namespace {

using zone::Command;
using zone::Fault;
using zone::FaultKind;

} // namespace

std::uint32_t Installer::install(const std::string& name) {
    const Hold hold{Held::zone, name};
    jobs_.requireFree(hold);
    Zone& zone = registry_.refresh(name);
    const bool proceed = admit(zone, Command::install);
    if (proceed && !zone.definition) {
        throw Fault(FaultKind::invalidDefinition, zone.problem);
    }
    if (proceed) {
        jobs_.requireFree({Held::image, zone.definition->image});
    }
    const std::uint32_t job = jobs_.start("install", hold);
    end(zone.name, job, [&] {
        if (proceed) {
            giveRoot(zone);
        }
        // a root that the disk calls incomplete is none
        registry_.whenSaved(zone.name, [this, job](const std::optional<Fault>& fault) {
            fault ? jobs_.fail(job, *fault) : jobs_.finish(job);
        });
    });
    return job;
}

/// Runs the last part of a job; its faults are the job's.
void Installer::end(const zone::ZoneName& name, std::uint32_t job, const std::function<void()>& work) {
    try {
        work();
    } catch (const std::exception& error) {
        jobs_.fail(job, zone::faultOf(error));
    }
    registry_.changed(name);
}

void Installer::giveRoot(Zone& zone) {
    const auto image = registry_.images().find(zone::ZoneName(zone.definition->image));
    if (!image) {
        throw Fault(FaultKind::noSuchImage, "there is no image named '" + zone.definition->image + "'");
    }
    store::ZoneRecord record;
    record.uuid = randomHex(16);
    record.idBase = ids_.forZone(zone.name.str());
    record.image = image->name;
    record.imageId = image->id;
    assignAddresses(*zone.definition, record, host_.settings.network.address,
                    registry_.addressesTaken(zone.name.str()));
    const zone::ZoneName name = zone.name;
    registry_.createStorage(name, record);
    record.complete = true;
    registry_.saveRecord(name, record);
}

std::uint32_t Installer::uninstall(const std::string& name) {
    const Hold hold{Held::zone, name};
    jobs_.requireFree(hold);
    Zone& zone = registry_.refresh(name);
    const bool proceed = admit(zone, Command::uninstall);
    const std::uint32_t job = jobs_.start("uninstall", hold);
    if (!proceed) {
        jobs_.finish(job);
        return job;
    }
    const zone::ZoneName zoneName = zone.name;
    takeRoot(zoneName, job, [this, job] { jobs_.finish(job); });
    return job;
}

std::uint32_t Installer::remove(const std::string& name) {
    const Hold hold{Held::zone, name};
    jobs_.requireFree(hold);
    Zone& zone = registry_.refresh(name);
    admit(zone, Command::remove);
    if (const auto waiting = registry_.waitingFor(name); !waiting.empty()) {
        std::string names;
        for (const std::string& other : waiting) {
            names += (names.empty() ? "" : ", ") + other;
        }
        throw Fault(FaultKind::wrongState, "zone " + name + " is named in after or requires of " + names +
                                               ": take it out of those definitions, or delete those zones, first");
    }
    const std::uint32_t job = jobs_.start("delete", hold);
    const zone::ZoneName zoneName = zone.name;
    const auto last = [this, job, zoneName] {
        removeLogs(zoneName.str());
        registry_.undefine(zoneName);
        jobs_.finish(job);
    };
    if (zone.record) {
        takeRoot(zoneName, job, last);
    } else {
        end(zoneName, job, last);
    }
    return job;
}

void Installer::takeRoot(const zone::ZoneName& name, std::uint32_t job, const std::function<void()>& then) {
    // what is still on its way to the disk must not come after it
    registry_.whenSaved(name, [this, name, job, then](const std::optional<Fault>&) { takeRootNow(name, job, then); });
}

void Installer::takeRootNow(const zone::ZoneName& name, std::uint32_t job, const std::function<void()>& then) {
    end(name, job, [&] {
        const std::string folder = registry_.retireStorage(name);
        jobs_.report(job, -1, "removing files");
        workers_.start(
            {"remove", folder}, {}, [](double, const std::string&) {},
            [this, name, job, then](const std::variant<WorkerResult, Fault>& result) {
                end(name, job, [&] {
                    if (const auto* fault = std::get_if<Fault>(&result)) {
                        throw Fault(fault->kind(), "removing the root of zone " + name.str() + ": " + fault->what());
                    }
                    registry_.forgetStorage(name);
                    then();
                });
            });
    });
}

/// The logs of console and service, and their older parts: "web.console", "web.console.1".
void Installer::removeLogs(const std::string& name) {
    for (const std::string& file : sys::listDirectory(host_.paths.logs)) {
        for (const std::string& own : {name + ".console", name + ".service"}) {
            if (file == own || file.starts_with(own + ".")) {
                sys::removeFile(host_.paths.logs + "/" + file);
            }
        }
    }
}

} // namespace zoned::daemon
