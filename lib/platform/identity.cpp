#include "platform/identity.hpp"

#include <optional>
#include <string>

#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::platform {

namespace {

constexpr std::size_t largestFile = 64 * 1024;
constexpr const char* mark = "# Made by zoned at each boot of the zone; take this line away to keep your own.\n";

/// The present content; nothing where there is none or it is no plain, small file.
std::optional<std::string> present(int root, const std::string& path) {
    try {
        return sys::readBeneath(root, path, largestFile);
    } catch (const sys::Error&) {
        return std::nullopt;
    }
}

void write(int root, const std::string& path, const std::string& content) {
    if (present(root, path) != content) {
        sys::replaceBeneath(root, path, content);
    }
}

/// A file of ours is kept up to date; one that the zone's administrator took over is left alone.
void writeUnlessTakenOver(int root, const std::string& path, const std::string& content) {
    const auto now = present(root, path);
    if (!now || now->empty() || now->rfind(mark, 0) == 0) {
        write(root, path, mark + content);
    }
}

std::string hosts(const BootSpec& spec) {
    const std::string shortName = spec.hostname.substr(0, spec.hostname.find('.'));
    const std::string names = shortName == spec.hostname ? shortName : spec.hostname + " " + shortName;
    std::string text = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
    bool placed = false;
    for (const NicSpec& nic : spec.nics) {
        if (nic.address) {
            text += zone::ipv4Text(nic.address->address) + " " + names + "\n";
            placed = true;
            break;
        }
    }
    return placed ? text : text + "127.0.1.1 " + names + "\n";
}

std::string resolver(const BootSpec& spec) {
    std::string text;
    for (const std::string& server : spec.dns) {
        text += "nameserver " + server + "\n";
    }
    return text;
}

bool isMachineId(const std::string& text) {
    const std::string id = text.substr(0, text.find('\n'));
    return id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

} // namespace

void writeIdentity(int root, const BootSpec& spec) {
    (void)sys::makeDirectoriesBeneath(root, "etc");
    write(root, "etc/hostname", spec.hostname + "\n");
    writeUnlessTakenOver(root, "etc/hosts", hosts(spec));
    // a link is the zone's own resolver at work (systemd-resolved)
    if (!spec.dns.empty() && !sys::readLinkBeneath(root, "etc/resolv.conf")) {
        writeUnlessTakenOver(root, "etc/resolv.conf", resolver(spec));
    }
    if (!isMachineId(present(root, "etc/machine-id").value_or(""))) {
        write(root, "etc/machine-id", spec.uuid + "\n");
    }
}

} // namespace zoned::platform
