// Where this service runs: its settings, folders, programs and the kind of host.
#pragma once

#include <string>
#include <vector>

#include "platform/protocol.hpp"
#include "store/settings.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::daemon {

struct Host {
    store::Settings settings;
    store::Paths paths;
    std::string supervisorProgram;
    std::string workerProgram;
    std::string cgroupRoot; // where cgroup v2 is mounted
    bool systemd = false;   // PID 1 is systemd, and ours to ask

    [[nodiscard]] std::string seccompProgram() const { return paths.run + "/seccomp.bpf"; }
    [[nodiscard]] std::string consoleLog(const std::string& zone) const { return paths.logs + "/" + zone + ".console"; }
    /// What an active zone was booted with, as YAML, and has been given since.
    [[nodiscard]] std::string bootedDefinition(const std::string& zone) const {
        return runFolder(zone) + std::string(platform::bootedFile);
    }
    /// Whether anything of such a zone is on disk: a supervisor may be started by hand for a name that is no zone's.
    [[nodiscard]] bool hasZone(const std::string& zone) const;
    [[nodiscard]] std::string serviceLog(const std::string& zone) const { return paths.logs + "/" + zone + ".service"; }
    [[nodiscard]] std::string runFolder(const std::string& zone) const { return paths.runZones + "/" + zone; }
};

/// Reads the settings and looks around. Throws zone::DefinitionFault on bad settings, sys::Error without cgroup v2.
/// @param root a folder that stands for "/" in our own paths; "" on a real host
[[nodiscard]] Host examineHost(const std::string& root);

/// Makes sure that no other service works on the same folders, as long as the descriptor is open: the name on the bus
/// is taken only after zones were recovered. Throws zone::Fault busy where one does.
[[nodiscard]] sys::UniqueFd lockHost(const Host& host);

/// Makes our folders and RUN/seccomp.bpf.
void prepareHost(const Host& host);

/// Nameservers for zones whose definition names none: the host's own, without those that listen on its loopback
/// only (systemd-resolved's stub stands for those in /run/systemd/resolve/resolv.conf).
[[nodiscard]] std::vector<std::string> hostNameservers();
/// The nameservers of a resolv.conf's text that a zone can reach.
[[nodiscard]] std::vector<std::string> reachableNameservers(const std::string& resolvConf);

/// 2 * `bytes` hex digits from the kernel's random source.
[[nodiscard]] std::string randomHex(std::size_t bytes);

} // namespace zoned::daemon
