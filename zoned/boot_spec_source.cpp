#include "boot_spec_source.hpp"

#include <spdlog/spdlog.h>

#include "boot_spec_builder.hpp"
#include "groups.hpp"
#include "sys/capabilities.hpp"
#include "sys/cgroup.hpp"
#include "sys/file.hpp"
#include "zone/fault.hpp"

namespace zoned::daemon {

BuiltSpec resolveBootSpec(const Host& host, Registry& registry, Zone& zone, const std::vector<std::string>& initArgs,
                          Network* network) {
    if (!zone.definition) { // may be told to everybody, as the end of a job
        throw zone::Fault(zone::FaultKind::invalidDefinition, zone.problemPlaces);
    }
    store::ZoneRecord record = zone.record.value_or(store::ZoneRecord{});
    if (network != nullptr && !record.complete) {
        throw zone::Fault(zone::FaultKind::failed, "zone " + zone.name.str() + " cannot be booted now: " +
                                                       (record.damage.empty() ? "it has no root" : record.damage));
    }
    const zone::Ipv4Network& bridge = host.settings.network.address;
    const bool fresh = assignAddresses(*zone.definition, record, bridge, registry.addressesTaken(zone.name.str()));
    if (network != nullptr && (fresh || registry.owesAddresses(zone.name))) {
        registry.requireKnownIds(zone.name.str());
        registry.saveRecord(zone.name, record);
    }
    const std::string image = record.image.empty() ? zone.definition->image : record.image;
    BootFacts facts;
    facts.controllers = sys::availableControllers(host.cgroupRoot);
    facts.nameservers = hostNameservers();
    facts.bridgeAddress = bridge;
    facts.bridge = host.settings.network.bridge;
    facts.nftTable = host.settings.nftTable;
    facts.image = registry.images().rootfs(zone::ZoneName(image));
    facts.layer = registry.storage().layer(zone.name);
    facts.seccompProgram = host.seccompProgram();
    facts.capabilities = sys::zoneCapabilities(zone.definition->privileged);
    facts.initArgs = initArgs;
    facts.diskNumber = diskNumbers(host);
    BuiltSpec built = buildBootSpec(*zone.definition, record, facts);
    platform::giveFreshHostNames(built.spec);
    if (!zone.definition->group.empty()) {
        (void)groupLimits(host, zone.definition->group, built.warnings); // that they can be had
    }
    built.spec.ownFolders = host.paths.ownFolders();
    built.spec.consoleJournal = host.settings.consoleJournal ? host.paths.journal : "";
    if (network != nullptr) {
        for (const std::string& warning : built.warnings) {
            spdlog::warn("{}", warning);
        }
        network->ensureFor(*zone.definition);
    }
    return built;
}

} // namespace zoned::daemon
