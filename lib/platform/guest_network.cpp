#include "platform/guest_network.hpp"

#include <fcntl.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::platform {

namespace {

constexpr const char* busyboxInterfaces = "etc/network/interfaces";

bool exists(int root, const char* path) {
    try {
        (void)sys::openBeneath(root, path, O_PATH, sys::FileType::any);
        return true;
    } catch (const sys::Error&) {
        return false;
    }
}

void put(int root, const std::string& path, const std::string& content) {
    (void)sys::makeDirectoriesBeneath(root, path.substr(0, path.rfind('/')));
    sys::replaceBeneath(root, path, content);
}

std::string joined(const std::vector<std::string>& words, std::string_view before, std::string_view between) {
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : std::string(between)) + std::string(before) + word;
    }
    return text;
}

std::vector<std::string> interfacesWithAddress(const BootSpec& spec) {
    std::vector<std::string> names;
    for (const NicSpec& nic : spec.nics) {
        if (nic.address) {
            names.push_back(nic.name);
        }
    }
    return names;
}

/// networkd 257 takes addresses away that its files do not name, and waits for those that they do.
void tellNetworkd(int root, const std::vector<std::string>& names, bool all) {
    put(root, "run/systemd/network/05-zoned.network",
        "# These have their addresses from the zone's definition.\n[Match]\nName=" + joined(names, "", " ") +
            "\n\n[Link]\nUnmanaged=yes\n");
    if (all) {
        // it would wait for an interface that networkd sets up; netplan names one
        put(root, "run/systemd/system/systemd-networkd-wait-online.service.d/zz-zoned.conf",
            "# The zone's interfaces are up before its init starts.\n[Service]\nExecStart=\nExecStart=/bin/true\n");
    }
}

void tellNetworkManager(int root, const std::vector<std::string>& names, bool resolver) {
    std::string text = "# These have their addresses from the zone's definition.\n[keyfile]\nunmanaged-devices=" +
                       joined(names, "interface-name:", ";") + "\n";
    if (resolver) {
        text += "\n[main]\ndns=none\n"; // else it empties /etc/resolv.conf
    }
    put(root, "run/NetworkManager/conf.d/05-zoned.conf", text);
}

/// ifup(8) leaves alone what its records say is up.
void tellIfupdown(int root, const std::vector<std::string>& names) {
    std::string busybox;
    for (const std::string& name : names) {
        put(root, "run/network/ifstate." + name, name + "\n");
        busybox += name + "=" + name + "\n";
    }
    put(root, "run/ifstate", busybox);
}

void tellResolvers(int root, const BootSpec& spec) {
    // "~.": for every name, whatever the servers of a link are for
    put(root, "run/systemd/resolved.conf.d/05-zoned.conf",
        "# From the zone's definition.\n[Resolve]\nDNS=" + joined(spec.dns, "", " ") + "\nDomains=~.\n");
    put(root, "run/resolvconf/interface/lo.zoned", nameserverLines(spec));
}

} // namespace

std::string nameserverLines(const BootSpec& spec) {
    std::string text;
    for (const std::string& server : spec.dns) {
        text += "nameserver " + server + "\n";
    }
    return text;
}

void tellNetworkPrograms(int root, const BootSpec& spec, zone::InitKind init) {
    const bool small = init == zone::InitKind::busybox || init == zone::InitKind::custom;
    if (small && !exists(root, busyboxInterfaces)) {
        return;
    }
    const std::vector<std::string> names = interfacesWithAddress(spec);
    const bool all = names.size() == spec.nics.size();
    const bool resolver = !spec.dns.empty() && (all || spec.dnsGiven);
    if (!names.empty()) {
        tellNetworkd(root, names, all);
        tellNetworkManager(root, names, resolver);
        tellIfupdown(root, names);
    }
    if (resolver) {
        tellResolvers(root, spec);
    }
}

} // namespace zoned::platform
