// The checks, in the order of the definition's keys. Each looks at one matter,
// adds what it finds, and says what would be right: the administrator reads the
// text without this file beside it. Whether a mount's source exists is no
// matter of the definition: it is looked at when the zone boots.
#include "zone/validate.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <set>

#include "zone/admin_rules.hpp"
#include "zone/boot_order.hpp"
#include "zone/mount_target.hpp"
#include "zone/text_rules.hpp"
#include "zone/zone_name.hpp"

namespace zoned::zone {

namespace {

using Findings = std::vector<Finding>;

constexpr std::size_t maxInterfaces = 8;
constexpr std::size_t maxNameServers = 8;
constexpr std::size_t maxVariables = 64;
constexpr std::size_t maxVariableBytes = 4096;
constexpr std::size_t maxArguments = 64;
constexpr std::size_t maxPathBytes = 4095; // PATH_MAX without its NUL
constexpr std::size_t maxDescriptionBytes = 1024;
constexpr std::uint32_t maxPriority = 1000;
constexpr std::size_t maxZonesNamed = 32;
constexpr std::uint32_t maxRetries = 100;

std::string nicKey(std::size_t index, std::string_view key) {
    return "network[" + std::to_string(index) + "]." + std::string(key);
}

std::string mountKey(std::size_t index, std::string_view key) {
    return "mounts[" + std::to_string(index) + "]." + std::string(key);
}

std::uint32_t broadcast(const Ipv4Network& network) {
    return network.address | ~network.mask();
}
std::uint32_t networkAddress(const Ipv4Network& network) {
    return network.address & network.mask();
}
Ipv4Network networkOf(const Ipv4Network& network) {
    return {networkAddress(network), network.prefix};
}

void checkZoneName(const Definition& definition, const Surroundings&, Findings& findings) {
    if (const auto why = ZoneName::problem(definition.zone)) {
        findings.push_back({"zone", *why});
    }
}

void checkDescription(const Definition& definition, const Surroundings&, Findings& findings) {
    if (definition.description.size() > maxDescriptionBytes) {
        findings.push_back({"description", "has at most 1024 bytes"});
    }
    if (hasControlCharacter(definition.description) || !isUtf8(definition.description)) {
        findings.push_back(
            {"description", "is one line of UTF-8 text, without control characters and direction marks"});
    }
}

void checkImage(const Definition& definition, const Surroundings& surroundings, Findings& findings) {
    if (const auto why = ZoneName::problem(definition.image)) {
        findings.push_back({"image", *why});
        return;
    }
    const auto& known = surroundings.images;
    if (std::find(known.begin(), known.end(), definition.image) == known.end()) {
        findings.push_back(
            {"image", "there is no image '" + definition.image + "'" + suggestion(definition.image, known)});
    }
}

void checkInit(const Definition& definition, const Surroundings&, Findings& findings) {
    const Init& init = definition.init;
    if (init.kind != InitKind::custom) {
        return;
    }
    if (init.argv.empty() || init.argv.front().empty() || init.argv.front().front() != '/') {
        findings.push_back({"init", "the program is given by its absolute path inside the zone, such as [/sbin/init]"});
    }
    if (init.argv.size() > maxArguments) {
        findings.push_back({"init", "has at most 64 parts"});
    }
    for (std::size_t i = 0; i < init.argv.size(); ++i) {
        if (hasControlCharacter(init.argv[i]) || init.argv[i].size() > maxPathBytes) {
            findings.push_back(
                {"init[" + std::to_string(i) + "]", "is at most 4095 bytes, without control characters"});
        }
    }
}

void checkBootPriority(const Definition& definition, const Surroundings&, Findings& findings) {
    if (definition.bootPriority > maxPriority) {
        findings.push_back({"boot-priority", "is 0 to 1000"});
    }
}

/// Names of other zones in a list, each once.
void checkZoneList(const std::string& key, const std::vector<std::string>& names, const Definition& definition,
                   const Surroundings& surroundings, Findings& findings) {
    if (names.size() > maxZonesNamed) {
        findings.push_back({key, "names at most 32 zones"});
    }
    std::set<std::string> seen;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::string item = key + "[" + std::to_string(i) + "]";
        const auto& known = surroundings.zones;
        if (names[i] == definition.zone) {
            findings.push_back({item, "a zone cannot wait for itself"});
        } else if (!seen.insert(names[i]).second) {
            findings.push_back({item, "names " + names[i] + " a second time"});
        } else if (const auto why = ZoneName::problem(names[i])) {
            findings.push_back({item, *why});
        } else if (!known.contains(names[i])) {
            findings.push_back({item, "there is no zone '" + names[i] + "'" +
                                          suggestion(names[i], std::vector<std::string>(known.begin(), known.end()))});
        }
    }
}

void checkAfter(const Definition& definition, const Surroundings& surroundings, Findings& findings) {
    checkZoneList("after", definition.after, definition, surroundings, findings);
}

void checkRequires(const Definition& definition, const Surroundings& surroundings, Findings& findings) {
    checkZoneList("requires", definition.needs, definition, surroundings, findings);
}

void checkCycle(const Definition& definition, const Surroundings& surroundings, Findings& findings) {
    const auto look = [&](const char* key, const std::vector<std::string>& names) {
        for (std::size_t i = 0; i < names.size(); ++i) {
            const auto way = wayBetween(names[i], definition.zone, surroundings.waits);
            if (way.size() < 2) {
                continue; // none, or the zone itself, which checkZoneList tells
            }
            std::string cycle = definition.zone;
            for (const std::string& zone : way) {
                cycle += " -> " + zone;
            }
            findings.push_back(
                {std::string(key) + "[" + std::to_string(i) + "]", "the zones would wait for each other: " + cycle});
            return;
        }
    };
    look("after", definition.after);
    look("requires", definition.needs);
}

/// Units of systemd.special(7) whose start takes the host down, puts it to sleep or makes it leave what it is doing, and
/// the services that they consist of.
bool endsTheHost(std::string_view unit) {
    constexpr std::string_view prefix = "systemd-";
    static constexpr std::array<std::string_view, 24> names{"poweroff",      "reboot",        "halt",
                                                            "kexec",         "soft-reboot",   "exit",
                                                            "shutdown",      "umount",        "final",
                                                            "rescue",        "emergency",     "default",
                                                            "ctrl-alt-del",  "runlevel0",     "runlevel1",
                                                            "runlevel6",     "sleep",         "suspend",
                                                            "hibernate",     "hybrid-sleep",  "suspend-then-hibernate",
                                                            "system-update", "factory-reset", "initrd-switch-root"};
    const std::size_t dot = unit.rfind('.');
    const std::string_view kind = unit.substr(std::min(dot, unit.size()));
    std::string_view stem = unit.substr(0, dot);
    if (stem.starts_with(prefix)) {
        stem.remove_prefix(prefix.size());
    }
    return (kind == ".target" || kind == ".service") && std::ranges::find(names, stem) != names.end();
}

void checkHostRequires(const Definition& definition, const Surroundings&, Findings& findings) {
    if (definition.hostRequires.size() > maxZonesNamed) {
        findings.push_back({"host-requires", "names at most 32 units"});
    }
    for (std::size_t i = 0; i < definition.hostRequires.size(); ++i) {
        const std::string item = "host-requires[" + std::to_string(i) + "]";
        const std::string& unit = definition.hostRequires[i];
        if (const auto why = unitNameProblem(unit)) {
            findings.push_back({item, *why});
        } else if (endsTheHost(unit)) {
            findings.push_back({item, unit + " ends what the host is doing; no zone needs that to boot"});
        }
    }
}

void checkBootRetries(const Definition& definition, const Surroundings&, Findings& findings) {
    if (definition.bootRetries > maxRetries) {
        findings.push_back({"boot-retries", "is 0 to 100"});
    }
}

void checkHostname(const Definition& definition, const Surroundings&, Findings& findings) {
    if (definition.hostname.empty()) {
        return;
    }
    if (const auto why = hostNameProblem(definition.hostname)) {
        findings.push_back({"hostname", *why});
    }
}

void checkInterfaceCount(const Definition& definition, const Surroundings&, Findings& findings) {
    if (definition.network.size() > maxInterfaces) {
        findings.push_back({"network", "has at most 8 interfaces"});
    }
}

void checkInterfaceNames(const Definition& definition, const Surroundings&, Findings& findings) {
    std::set<std::string> seen;
    for (std::size_t i = 0; i < definition.network.size(); ++i) {
        const Nic& nic = definition.network[i];
        if (const auto why = interfaceNameProblem(nic.name)) {
            findings.push_back({nicKey(i, "name"), *why});
        } else if (!seen.insert(nic.name).second) {
            findings.push_back({nicKey(i, "name"), "the zone has another interface named " + nic.name});
        }
    }
}

void checkBridges(const Definition& definition, const Surroundings& surroundings, Findings& findings) {
    for (std::size_t i = 0; i < definition.network.size(); ++i) {
        const auto& bridge = definition.network[i].bridge;
        if (const auto why = bridge ? interfaceNameProblem(*bridge) : std::nullopt) {
            findings.push_back({nicKey(i, "bridge"), *why});
        } else if (bridge && *bridge == surroundings.managedBridge) {
            // as somebody's own bridge it would have a port without the guard against forged addresses
            findings.push_back({nicKey(i, "bridge"), *bridge + " is the managed network's own: an interface is on it "
                                                               "where 'bridge' is left out"});
        }
    }
}

void checkAddressUsable(const Definition& definition, const Surroundings&, Findings& findings) {
    for (std::size_t i = 0; i < definition.network.size(); ++i) {
        const auto& address = definition.network[i].address;
        if (!address) {
            continue;
        }
        const std::uint32_t first = address->address >> 24;
        if (address->prefix == 0) {
            findings.push_back({nicKey(i, "address"), "the prefix is 1 to 32"});
        } else if (first == 0 || first == 127 || first >= 224) {
            findings.push_back({nicKey(i, "address"), ipv4Text(address->address) + " is no address for a host"});
        } else if (address->prefix < 31 && address->address == networkAddress(*address)) {
            findings.push_back({nicKey(i, "address"), ipv4Text(address->address) + " is the address of the network " +
                                                          networkOf(*address).str() + " itself"});
        } else if (address->prefix < 31 && address->address == broadcast(*address)) {
            findings.push_back({nicKey(i, "address"), ipv4Text(address->address) + " is the broadcast address of " +
                                                          networkOf(*address).str()});
        }
    }
}

void checkManagedAddress(const Definition& definition, const Surroundings& surroundings, Findings& findings) {
    const Ipv4Network& subnet = surroundings.subnet;
    for (std::size_t i = 0; i < definition.network.size(); ++i) {
        const Nic& nic = definition.network[i];
        if (nic.bridge || !nic.address) {
            continue;
        }
        const std::string shown = ipv4Text(nic.address->address);
        const std::string network = networkOf(subnet).str();
        if (!subnet.contains(nic.address->address)) {
            findings.push_back({nicKey(i, "address"), shown + " is outside the managed network " + network});
            continue;
        }
        if (nic.address->prefix != subnet.prefix) {
            findings.push_back({nicKey(i, "address"), "the prefix is that of the managed network: write " + shown +
                                                          "/" + std::to_string(subnet.prefix)});
        }
        if (nic.address->address == subnet.address) {
            findings.push_back({nicKey(i, "address"), shown + " is the address of the bridge itself"});
        } else if (nic.address->address == networkAddress(subnet) || nic.address->address == broadcast(subnet)) {
            findings.push_back({nicKey(i, "address"),
                                shown + " is the network or broadcast address of the managed network " + network});
        }
    }
}

void checkAddressTaken(const Definition& definition, const Surroundings& surroundings, Findings& findings) {
    for (std::size_t i = 0; i < definition.network.size(); ++i) {
        const Nic& nic = definition.network[i];
        if (nic.bridge || !nic.address) { // what is free on the administrator's own bridge, he knows
            continue;
        }
        const auto [first, last] = surroundings.addressesTaken.equal_range(nic.address->address);
        const auto other =
            std::find_if(first, last, [&](const auto& taken) { return taken.second != definition.zone; });
        if (other != last) {
            findings.push_back({nicKey(i, "address"), ipv4Text(other->first) + " is taken by zone " + other->second});
        }
    }
}

void checkAddressTwice(const Definition& definition, const Surroundings&, Findings& findings) {
    std::set<std::pair<std::string, std::uint32_t>> seen; // two bridges may each have the address
    for (std::size_t i = 0; i < definition.network.size(); ++i) {
        const Nic& nic = definition.network[i];
        if (nic.address && !seen.emplace(nic.bridge.value_or(""), nic.address->address).second) {
            findings.push_back({nicKey(i, "address"), ipv4Text(nic.address->address) +
                                                          " is given to another interface of this zone already"});
        }
    }
}

void checkGateway(const Definition& definition, const Surroundings& surroundings, Findings& findings) {
    for (std::size_t i = 0; i < definition.network.size(); ++i) {
        const Nic& nic = definition.network[i];
        if (!nic.gateway) {
            continue;
        }
        if (nic.bridge && !nic.address) {
            findings.push_back({nicKey(i, "gateway"), "a gateway needs an address beside it"});
            continue;
        }
        const Ipv4Network reach = nic.address.value_or(surroundings.subnet);
        const std::string shown = ipv4Text(*nic.gateway);
        if (!reach.contains(*nic.gateway)) {
            findings.push_back(
                {nicKey(i, "gateway"), shown + " is not in the interface's network " + networkOf(reach).str()});
        } else if (nic.address && *nic.gateway == nic.address->address) {
            findings.push_back({nicKey(i, "gateway"), shown + " is the interface's own address"});
        } else if (reach.prefix < 31 && (*nic.gateway == networkAddress(reach) || *nic.gateway == broadcast(reach))) {
            findings.push_back(
                {nicKey(i, "gateway"), shown + " is the network or broadcast address of " + networkOf(reach).str()});
        }
    }
}

void checkDns(const Definition& definition, const Surroundings&, Findings& findings) {
    if (definition.dns.size() > maxNameServers) {
        findings.push_back({"dns", "has at most 8 name servers"});
    }
    for (std::size_t i = 0; i < definition.dns.size(); ++i) {
        in6_addr ignored{};
        if (!parseIpv4(definition.dns[i]) && ::inet_pton(AF_INET6, definition.dns[i].c_str(), &ignored) != 1) {
            findings.push_back(
                {"dns[" + std::to_string(i) + "]", "is an IPv4 or IPv6 address, such as 9.9.9.9 or 2620:fe::fe"});
        }
    }
}

void checkGroup(const Definition& definition, const Surroundings& surroundings, Findings& findings) {
    const auto& groups = surroundings.groups;
    if (!definition.group.empty() && std::find(groups.begin(), groups.end(), definition.group) == groups.end()) {
        findings.push_back({"group", "zoned.yaml has no group named '" + definition.group + "'" +
                                         suggestion(definition.group, groups)});
    }
}

void checkResources(const Definition& definition, const Surroundings& surroundings, Findings& findings) {
    for (const Finding& finding : validateResources(definition.resources, surroundings.host)) {
        findings.push_back({"resources." + finding.key, finding.text});
    }
}

/// The parts between the slashes.
std::vector<std::string_view> parts(std::string_view path) {
    std::vector<std::string_view> result;
    for (std::size_t start = 0; start <= path.size();) {
        const std::size_t end = std::min(path.find('/', start), path.size());
        result.push_back(path.substr(start, end - start));
        start = end + 1;
    }
    return result;
}

bool isPlainPath(std::string_view path) {
    return !path.empty() && path.front() == '/' && path.size() <= maxPathBytes && !hasControlCharacter(path);
}

void checkMountSources(const Definition& definition, const Surroundings&, Findings& findings) {
    for (std::size_t i = 0; i < definition.mounts.size(); ++i) {
        const std::string& source = definition.mounts[i].source;
        const auto pieces = parts(source);
        if (!isPlainPath(source)) {
            findings.push_back({mountKey(i, "source"), "is an absolute path on the host, such as /srv/www"});
        } else if (std::find(pieces.begin(), pieces.end(), "..") != pieces.end()) {
            findings.push_back({mountKey(i, "source"), "must not contain '..'"});
        }
    }
}

void checkMountTargets(const Definition& definition, const Surroundings&, Findings& findings) {
    std::set<std::string> seen;
    for (std::size_t i = 0; i < definition.mounts.size(); ++i) {
        const std::string& target = definition.mounts[i].target;
        const std::string key = mountKey(i, "target");
        if (!isPlainPath(target)) {
            findings.push_back({key, "is an absolute path inside the zone, such as /var/www"});
            continue;
        }
        if (target == "/") {
            findings.push_back({key, "the zone's root comes from its image; mount below it"});
            continue;
        }
        const auto pieces = parts(std::string_view(target).substr(1));
        if (std::any_of(pieces.begin(), pieces.end(),
                        [](std::string_view part) { return part.empty() || part == "." || part == ".."; })) {
            findings.push_back({key, "is a plain path: no '//', '.' or '..' in it and no '/' at its end"});
            continue;
        }
        if (const auto kept = keptFolder(target)) {
            findings.push_back({key, std::string(*kept) + " is made anew in every zone, by the kernel or the zone "
                                                          "manager: a mount there would weaken its isolation; choose "
                                                          "another place"});
        }
        if (!seen.insert(target).second) {
            findings.push_back({key, "another mount has the target " + target + " already"});
        }
    }
}

void checkEnvironment(const Definition& definition, const Surroundings&, Findings& findings) {
    if (definition.environment.size() > maxVariables) {
        findings.push_back({"environment", "has at most 64 variables"});
    }
    const auto isStart = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
    for (const auto& [name, value] : definition.environment) {
        const std::string key = "environment." + name;
        const bool good =
            !name.empty() && isStart(name.front()) && name.size() <= 256 &&
            std::all_of(name.begin(), name.end(), [&](char c) { return isStart(c) || (c >= '0' && c <= '9'); });
        if (!good) {
            findings.push_back({key, "a variable's name is letters, digits and '_', and starts with no digit"});
        } else if (name == "container" || name == "container_uuid" || name == "NOTIFY_SOCKET") {
            findings.push_back({key, "is set by the zone manager for the zone's init"});
        }
        if (value.size() > maxVariableBytes) {
            findings.push_back({key, "the value has at most 4096 bytes"});
        }
        if (hasControlCharacter(value) || !isUtf8(value)) {
            findings.push_back({key, "the value is one line of UTF-8 text, without control characters"});
        }
    }
}

void checkStopTimeout(const Definition& definition, const Surroundings&, Findings& findings) {
    if (definition.stopTimeout < std::chrono::seconds(1) || definition.stopTimeout > maxStopTimeout) {
        findings.push_back({"stop-timeout", "is 1s to 1h"});
    }
}

void checkPrivileged(const Definition& definition, const Surroundings& surroundings, Findings& findings) {
    if (definition.privileged && !surroundings.allowPrivileged) {
        findings.push_back({"privileged", "only the host's administrator may define a zone that is not root-safe"});
    }
}

const std::array<Check, 29>& list() {
    static const std::array<Check, 29> all{{
        {"zone-name", checkZoneName},
        {"description", checkDescription},
        {"image", checkImage},
        {"boot-priority", checkBootPriority},
        {"after", checkAfter},
        {"requires", checkRequires},
        {"cycle", checkCycle},
        {"host-requires", checkHostRequires},
        {"boot-retries", checkBootRetries},
        {"init", checkInit},
        {"hostname", checkHostname},
        {"interface-count", checkInterfaceCount},
        {"interface-names", checkInterfaceNames},
        {"bridges", checkBridges},
        {"address-usable", checkAddressUsable},
        {"address-managed", checkManagedAddress},
        {"address-taken", checkAddressTaken},
        {"address-twice", checkAddressTwice},
        {"gateway", checkGateway},
        {"dns", checkDns},
        {"group", checkGroup},
        {"resources", checkResources},
        {"mount-sources", checkMountSources},
        {"mount-targets", checkMountTargets},
        {"environment", checkEnvironment},
        {"stop-timeout", checkStopTimeout},
        {"privileged", checkPrivileged},
        {"admins", checkAdmins},
        {"accounts", checkAccounts},
    }};
    return all;
}

} // namespace

std::span<const Check> checks() {
    return list();
}

std::vector<Finding> validate(const Definition& definition, const Surroundings& surroundings) {
    Findings findings;
    for (const Check& check : checks()) {
        check.run(definition, surroundings, findings);
    }
    return findings;
}

} // namespace zoned::zone
