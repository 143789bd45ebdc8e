#include "host.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include <spdlog/spdlog.h>

#include "config.h"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/mount_table.hpp"
#include "sys/seccomp.hpp"
#include "zone/fault.hpp"

namespace zoned::daemon {

Host examineHost(const std::string& root) {
    const store::Paths paths(root);
    Host host{store::readSettings(paths.settings), paths, "", "", "", false};
    // For a service that is tried from its build folder.
    const char* other = secure_getenv("ZONED_LIBEXECDIR");
    const std::string folder = other != nullptr ? other : ZONED_LIBEXECDIR;
    host.supervisorProgram = folder + "/zone-supervisor";
    host.workerProgram = folder + "/zone-worker";
    host.cgroupRoot = sys::cgroup2Mount();
    // With a root folder of its own the service is on trial: the host's systemd knows no such zones.
    host.systemd = root.empty() && sys::exists("/run/systemd/system");
    return host;
}

bool Host::hasZone(const std::string& zone) const {
    return sys::exists(paths.definitions + "/" + zone + ".yaml") || sys::exists(paths.zones + "/" + zone);
}

sys::UniqueFd lockHost(const Host& host) {
    sys::makeDirectories(host.paths.run, 0755);
    const std::string path = host.paths.run + "/lock";
    sys::UniqueFd lock = sys::open(path, O_RDWR | O_CREAT, 0600);
    // one that was killed just now holds it until the kernel is done with its end
    constexpr int attempts = 40;
    for (int attempt = 1; flock(lock.get(), LOCK_EX | LOCK_NB) != 0; ++attempt) {
        if (errno != EWOULDBLOCK) {
            sys::throwErrno("locking ", path);
        }
        if (attempt < attempts) {
            usleep(50'000);
            continue;
        }
        throw zone::Fault(zone::FaultKind::busy, "another zoned runs already (it holds " + path + ")");
    }
    return lock;
}

void prepareHost(const Host& host) {
    sys::makeDirectories(host.paths.definitions, 0755);
    sys::makeDirectories(host.paths.images, 0700);
    sys::makeDirectories(host.paths.zones, 0700);
    sys::makeDirectories(host.paths.logs, 0700);
    sys::makeDirectories(host.paths.run, 0755);
    sys::makeDirectories(host.paths.runZones, 0700);
    try {
        // one that is right is left alone: a full /run keeps no zone from being looked after
        if (const std::string filter = sys::compileZoneFilter(); sys::readFile(host.seccompProgram()) != filter) {
            sys::replaceVolatileFile(host.seccompProgram(), filter);
        }
    } catch (const sys::Error& error) {
        spdlog::error("no zone can be booted: {}", error.what());
    }
}

std::vector<std::string> reachableNameservers(const std::string& resolvConf) {
    std::vector<std::string> found;
    std::istringstream lines(resolvConf);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string key;
        std::string address;
        if (!(words >> key >> address) || key != "nameserver") {
            continue;
        }
        const bool loopback = address.starts_with("127.") || address == "::1" || address == "0.0.0.0";
        // a link-local address means something on the host's link only
        const bool linkLocal = address.starts_with("fe80:") || address.find('%') != std::string::npos;
        if (!loopback && !linkLocal && std::ranges::find(found, address) == found.end()) {
            found.push_back(address);
        }
    }
    return found;
}

std::vector<std::string> hostNameservers() {
    constexpr std::size_t limit = 64 * 1024;
    std::vector<std::string> found = reachableNameservers(sys::readFile("/etc/resolv.conf", limit).value_or(""));
    if (found.empty()) {
        found = reachableNameservers(sys::readFile("/run/systemd/resolve/resolv.conf", limit).value_or(""));
    }
    return found;
}

std::string randomHex(std::size_t bytes) {
    constexpr const char* hex = "0123456789abcdef";
    std::string raw(bytes, '\0');
    // up to 256 bytes come whole and without waiting, once the host has booted: random(7)
    sys::check(getrandom(raw.data(), raw.size(), 0), "asking for random bytes");
    std::string text;
    for (const char c : raw) {
        const auto byte = static_cast<unsigned char>(c);
        text += hex[byte >> 4U];
        text += hex[byte & 0xFU];
    }
    return text;
}

} // namespace zoned::daemon
