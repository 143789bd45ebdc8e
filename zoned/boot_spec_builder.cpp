#include "boot_spec_builder.hpp"

#include <algorithm>
#include <unordered_set>

#include "sys/digest.hpp"
#include "sys/error.hpp"
#include "zone/fault.hpp"

namespace zoned::daemon {
namespace {

using zone::Fault;
using zone::FaultKind;

bool offered(const BootFacts& facts, std::string_view controller) {
    return std::ranges::find(facts.controllers, controller) != facts.controllers.end();
}

void addNics(const zone::Definition& definition, const store::ZoneRecord& record, const BootFacts& facts,
             platform::BootSpec& spec) {
    bool routed = std::ranges::any_of(definition.network, [](const zone::Nic& nic) { return nic.gateway.has_value(); });
    for (const zone::Nic& nic : definition.network) {
        platform::NicSpec out;
        out.name = nic.name;
        out.managed = !nic.bridge;
        out.bridge = nic.bridge.value_or(facts.bridge);
        out.mac = stableMac(record.uuid + "/" + nic.name);
        out.address = nic.address;
        out.gateway = nic.gateway;
        if (out.managed) {
            const auto assigned = record.addresses.find(nic.name);
            if (!out.address && assigned != record.addresses.end()) {
                out.address = zone::Ipv4Network{assigned->second, facts.bridgeAddress.prefix};
            }
            // one default route: of the interface that names one, else of the first managed one
            if (!routed && out.address) {
                out.gateway = facts.bridgeAddress.address;
                routed = true;
            }
        }
        spec.nics.push_back(std::move(out));
    }
}

} // namespace

bool lacksNameservers(const zone::Definition& definition, const std::vector<std::string>& ofHost) {
    const bool routed = std::ranges::any_of(definition.network, [](const zone::Nic& nic) {
        return !nic.bridge || nic.gateway; // on another bridge without a gateway the network tells them, or needs none
    });
    return definition.dns.empty() && ofHost.empty() && routed;
}

std::vector<platform::Limit> buildLimits(const zone::Definition& definition, const BootFacts& facts,
                                         std::vector<std::string>& warnings) {
    std::vector<platform::Limit> limits;
    for (LimitFile& limit : offeredLimits(definition.resources, facts.diskNumber, facts.controllers, "resources.",
                                          "zone " + definition.zone, warnings)) {
        limits.push_back({std::move(limit.file), std::move(limit.value)});
    }
    if (!definition.resources.processes && offered(facts, "pids")) {
        limits.push_back({"pids.max", std::to_string(defaultProcesses)});
    }
    return limits;
}

BuiltSpec buildBootSpec(const zone::Definition& definition, const store::ZoneRecord& record, const BootFacts& facts) {
    BuiltSpec built;
    platform::BootSpec& spec = built.spec;
    spec.zone = definition.zone;
    spec.uuid = record.uuid;
    spec.image = facts.image;
    spec.layer = facts.layer;
    spec.privileged = definition.privileged;
    spec.idBase = definition.privileged ? 0 : record.idBase; // without a user namespace the ids are the host's own
    spec.initKind = definition.init.kind;
    spec.initArgv = definition.init.argv;
    spec.initArgs = facts.initArgs;
    spec.hostname = definition.hostname.empty() ? definition.zone : definition.hostname;
    spec.hostnameGiven = !definition.hostname.empty();
    spec.dns = definition.dns.empty() ? facts.nameservers : definition.dns;
    spec.dnsGiven = !definition.dns.empty();
    if (lacksNameservers(definition, facts.nameservers)) {
        built.warnings.push_back("zone " + definition.zone + ": " + std::string(noNameservers));
    }
    spec.environment = definition.environment;
    spec.mounts = definition.mounts;
    spec.capabilities = facts.capabilities;
    spec.seccompProgram = facts.seccompProgram;
    spec.nftTable = facts.nftTable;
    spec.stopTimeout = static_cast<std::uint32_t>(definition.stopTimeout.count());
    spec.limits = buildLimits(definition, facts, built.warnings);
    addNics(definition, record, facts, spec);
    return built;
}

bool assignAddresses(const zone::Definition& definition, store::ZoneRecord& record, const zone::Ipv4Network& bridge,
                     const std::vector<std::pair<std::uint32_t, std::string>>& taken) {
    std::unordered_set<std::uint32_t> used{bridge.address};
    used.reserve(taken.size() + definition.network.size() + 1); // at each boot, of a thousand zones
    for (const auto& [address, zone] : taken) {
        used.insert(address);
    }
    for (const zone::Nic& nic : definition.network) {
        if (nic.address) {
            used.insert(nic.address->address);
        }
    }
    std::map<std::string, std::uint32_t> addresses;
    for (const zone::Nic& nic : definition.network) {
        if (nic.address || nic.bridge) {
            continue;
        }
        const auto kept = record.addresses.find(nic.name);
        if (kept != record.addresses.end() && bridge.contains(kept->second) && used.insert(kept->second).second) {
            addresses[nic.name] = kept->second;
            continue;
        }
        const std::uint32_t first = (bridge.address & bridge.mask()) + 2; // .1 is the usual place of a gateway
        const std::uint32_t broadcast = bridge.address | ~bridge.mask();
        std::uint32_t candidate = first;
        while (candidate < broadcast && !used.insert(candidate).second) {
            ++candidate;
        }
        if (candidate >= broadcast) {
            throw Fault(FaultKind::failed, "the managed network " + bridge.str() + " has no free address left");
        }
        addresses[nic.name] = candidate;
    }
    if (addresses == record.addresses) {
        return false;
    }
    record.addresses = std::move(addresses);
    return true;
}

std::string stableMac(std::string_view key) {
    const std::uint64_t hash = sys::fnv1a(key);
    constexpr std::string_view hex = "0123456789abcdef";
    std::string mac = "02";
    for (int byte = 0; byte < 5; ++byte) {
        const auto value = static_cast<unsigned>(hash >> (8 * byte)) & 0xFFU;
        mac += ':';
        mac += hex[value >> 4U];
        mac += hex[value & 0xFU];
    }
    return mac;
}

} // namespace zoned::daemon
