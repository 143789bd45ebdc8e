#include "machined.hpp"

#include <algorithm>
#include <array>

#include <spdlog/spdlog.h>

#include "border.hpp"
#include "log.hpp"
#include "platform/run_record.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/netlink.hpp"
#include "sys/process.hpp"

namespace zoned::daemon {
namespace {

constexpr const char* machinedName = "org.freedesktop.machine1";
constexpr const char* machinedPath = "/org/freedesktop/machine1";
constexpr const char* managerInterface = "org.freedesktop.machine1.Manager";
constexpr const char* machineInterface = "org.freedesktop.machine1.Machine";
constexpr const char* propertiesInterface = "org.freedesktop.DBus.Properties";
/// What machines of ours are known by, also after a restart.
constexpr const char* serviceText = "zoned";
constexpr const char* classText = "container";
/// The zone's root is seen in its own mount namespace only.
constexpr const char* rootDirectory = "";

bool isOneOf(const std::string& name, std::initializer_list<const char*> names) {
    return std::ranges::any_of(names, [&name](const char* each) { return name == each; });
}

bool isUnknownCall(const std::string& error) {
    return isOneOf(error, {"org.freedesktop.DBus.Error.UnknownMethod", "org.freedesktop.DBus.Error.UnknownInterface"});
}

/// There is no such service, or the bus's policy does not know of it.
bool isAbsent(const std::string& error) {
    return error.starts_with("org.freedesktop.DBus.Error.Spawn") ||
           isOneOf(error, {"org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner",
                           "org.freedesktop.systemd1.NoSuchUnit", "org.freedesktop.systemd1.UnitMasked"});
}

/// "Not known": see the essay in the header.
const std::vector<std::uint8_t> noId;

} // namespace

bool isMachined(pid_t process) {
    try {
        // the kernel keeps 15 bytes of a program's name
        return sys::readFile("/proc/" + std::to_string(process) + "/comm").value_or("") == "systemd-machine\n";
    } catch (const sys::Error&) {
        return false; // it has ended
    }
}

void Machined::follow(const zone::ZoneName& name, pid_t init) {
    if (!host_.settings.machined) {
        return;
    }
    const auto found = entries_.find(name);
    const bool known = found != entries_.end() && found->second.wanted;
    if (init == (known ? found->second.wanted->leader : 0)) {
        return;
    }
    Entry& entry = entries_[name];
    entry.wanted.reset();
    if (init != 0) {
        entry.wanted = Machine{init, interfacesOf(name)};
    }
    settle(name);
}

/// Takes the next step from what is registered to what should be.
void Machined::settle(const zone::ZoneName& name) {
    Entry& entry = entries_[name];
    if (entry.asking) {
        return;
    }
    const pid_t wanted = entry.wanted ? entry.wanted->leader : 0;
    if (entry.registered != wanted && entry.registered != 0) {
        withdraw(name);
    } else if (entry.registered != wanted && entry.refused != wanted) {
        enlist(name);
    } else if (wanted == 0) {
        retired_ = std::move(entry.object); // it may be one of its own handlers that runs
        entries_.erase(name);
    }
}

sdbus::IProxy& Machined::manager() {
    if (!manager_) {
        manager_ = sdbus::createProxy(connection_, api::serviceName(machinedName), sdbus::ObjectPath(machinedPath));
    }
    return *manager_;
}

void Machined::enlist(const zone::ZoneName& name) {
    try {
        askToEnlist(name);
    } catch (const std::exception& error) {
        giveUp(name, entries_.at(name).wanted->leader, error.what());
    }
}

void Machined::askToEnlist(const zone::ZoneName& name) {
    Entry& entry = entries_.at(name);
    const Machine& machine = *entry.wanted;
    const auto leader = static_cast<std::uint32_t>(machine.leader);
    const auto answered = bordered(
        "hearing systemd-machined",
        [this, name, pid = machine.leader, call = call_](api::ReplyError error, const sdbus::ObjectPath& /*machine*/) {
            enlisted(name, pid, call, error);
        });
    entry.asking = true;
    if (call_ == Call::extended) {
        using Property = sdbus::Struct<std::string, sdbus::Variant>;
        // a pidfd: the number cannot have gone to another process meanwhile
        const std::vector<Property> properties{
            Property("Service", sdbus::Variant(std::string(serviceText))),
            Property("Class", sdbus::Variant(std::string(classText))),
            Property("LeaderPIDFD",
                     sdbus::Variant(sdbus::UnixFd(sys::openPidfd(machine.leader).release(), sdbus::adopt_fd))),
            Property("NetworkInterfaces", sdbus::Variant(machine.interfaces))};
        manager()
            .callMethodAsync("RegisterMachineEx")
            .onInterface(managerInterface)
            .withArguments(name.str(), properties)
            .uponReplyInvoke(answered);
    } else if (call_ == Call::withNetwork) {
        manager()
            .callMethodAsync("RegisterMachineWithNetwork")
            .onInterface(managerInterface)
            .withArguments(name.str(), noId, std::string(serviceText), std::string(classText), leader,
                           std::string(rootDirectory), machine.interfaces)
            .uponReplyInvoke(answered);
    } else {
        manager()
            .callMethodAsync("RegisterMachine")
            .onInterface(managerInterface)
            .withArguments(name.str(), noId, std::string(serviceText), std::string(classText), leader,
                           std::string(rootDirectory))
            .uponReplyInvoke(answered);
    }
}

void Machined::enlisted(const zone::ZoneName& name, pid_t leader, Call call, api::ReplyError error) {
    const LogAbout about(name.str());
    Entry& entry = entries_.at(name);
    entry.asking = false;
    if (!error) {
        spdlog::debug("zone {}: registered with systemd-machined", name.str());
        entry.registered = leader;
        settle(name);
        return;
    }
    const std::string kind = api::nameOf(*error);
    if (isUnknownCall(kind) && call != Call::plain) {
        if (call == call_) { // else another zone's answer came first
            call_ = call == Call::extended ? Call::withNetwork : Call::plain;
        }
        settle(name);
    } else if (kind == "org.freedesktop.machine1.MachineExists") {
        lookAt(name, leader);
    } else if (!isAbsent(kind)) {
        giveUp(name, leader, error->getMessage());
    } else {
        if (!absenceTold_) {
            spdlog::warn("running zones are not registered as machines: this host has no systemd-machined ({}); "
                         "machined: false in zoned.yaml says that this is intended",
                         std::string(error->getMessage()));
            absenceTold_ = true;
        }
        entry.refused = leader;
        settle(name);
    }
}

void Machined::giveUp(const zone::ZoneName& name, pid_t leader, const std::string& why) {
    const LogAbout about(name.str());
    Entry& entry = entries_[name];
    entry.asking = false;
    entry.refused = leader;
    if (entry.wanted && entry.wanted->leader == leader) {
        spdlog::warn("zone {}: not registered with systemd-machined, machinectl does not know it: {}", name.str(), why);
    }
    settle(name);
}

/// The name is taken: by us, before a restart, or by somebody else.
void Machined::lookAt(const zone::ZoneName& name, pid_t leader) {
    entries_.at(name).asking = true;
    manager()
        .callMethodAsync("GetMachine")
        .onInterface(managerInterface)
        .withArguments(name.str())
        .uponReplyInvoke(bordered(
            "hearing systemd-machined", [this, name, leader](api::ReplyError error, const sdbus::ObjectPath& path) {
                if (error) {
                    giveUp(name, leader, error->getMessage());
                    return;
                }
                Entry& entry = entries_.at(name);
                entry.object = sdbus::createProxy(connection_, api::serviceName(machinedName), sdbus::ObjectPath(path));
                entry.object->callMethodAsync("GetAll")
                    .onInterface(propertiesInterface)
                    .withArguments(std::string(machineInterface))
                    .uponReplyInvoke(
                        bordered("hearing systemd-machined",
                                 [this, name, leader](api::ReplyError failed,
                                                      const std::map<std::string, sdbus::Variant>& properties) {
                                     if (failed) {
                                         giveUp(name, leader, failed->getMessage());
                                     } else {
                                         looked(name, leader, properties);
                                     }
                                 }));
            }));
}

void Machined::looked(const zone::ZoneName& name, pid_t leader,
                      const std::map<std::string, sdbus::Variant>& properties) {
    const auto service = properties.find("Service");
    const auto process = properties.find("Leader");
    if (service == properties.end() || process == properties.end() ||
        !process->second.containsValueOfType<std::uint32_t>() || !service->second.containsValueOfType<std::string>()) {
        giveUp(name, leader, "a machine of that name exists, and does not say whose it is");
        return;
    }
    const auto owner = service->second.get<std::string>();
    if (owner != serviceText) {
        giveUp(name, leader, "a machine of that name exists already, of the service '" + owner + "'; it is left alone");
        return;
    }
    Entry& entry = entries_.at(name);
    entry.asking = false;
    entry.registered = static_cast<pid_t>(process->second.get<std::uint32_t>());
    settle(name);
}

/// What cannot be withdrawn is taken for gone: machined drops a machine by itself when its leader has ended.
void Machined::withdraw(const zone::ZoneName& name) {
    try {
        entries_.at(name).asking = true;
        manager()
            .callMethodAsync("UnregisterMachine")
            .onInterface(managerInterface)
            .withArguments(name.str())
            .uponReplyInvoke(bordered("hearing systemd-machined", [this, name](api::ReplyError error) {
                // one that machined has dropped by itself, because its leader has ended, is gone all the same; so are
                // all when machined has gone, as it has when the host goes down
                const std::string kind = error ? api::nameOf(*error) : "";
                const bool gone =
                    !error || isAbsent(kind) ||
                    isOneOf(kind, {"org.freedesktop.machine1.NoSuchMachine", "org.freedesktop.systemd1.ShuttingDown"});
                withdrawn(name, gone ? "" : std::string(error->getMessage()));
            }));
    } catch (const std::exception& error) {
        withdrawn(name, error.what());
    }
}

void Machined::withdrawn(const zone::ZoneName& name, const std::string& problem) {
    const LogAbout about(name.str());
    if (!problem.empty()) {
        spdlog::warn("zone {}: unregistering it with systemd-machined: {}", name.str(), problem);
    }
    Entry& entry = entries_.at(name);
    entry.asking = false;
    entry.registered = 0;
    settle(name);
}

/// nss-mymachines gives a machine's interface as the scope of its link-local addresses, which makes them the first
/// choice of whoever resolves the name. So it is the bridge, not the zone's port of it, and only where that address
/// leads to the zone: on the managed network IPv6 is guarded off, and without a scope IPv4 is chosen.
std::vector<std::int32_t> Machined::interfacesOf(const zone::ZoneName& name) const {
    std::vector<std::int32_t> indices;
    try {
        const auto record = platform::RunRecord::find(host_.runFolder(name.str()) + "/record");
        if (!record || record->zone().spec.nics.empty()) {
            return indices;
        }
        sys::Netlink links;
        for (const platform::NicSpec& nic : record->zone().spec.nics) {
            const auto index = static_cast<std::int32_t>(links.linkIndex(nic.bridge).value_or(0));
            if (!nic.managed && index != 0 && std::ranges::find(indices, index) == indices.end()) {
                indices.push_back(index);
            }
        }
    } catch (const sys::Error& error) {
        spdlog::warn("zone {}: registering it without its interfaces: {}", name.str(), error.what());
    }
    return indices;
}

} // namespace zoned::daemon
