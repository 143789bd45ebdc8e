#include "platform/identity.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <optional>
#include <sstream>
#include <vector>

#include "platform/guest_network.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::platform {

namespace {

constexpr std::size_t largestFile = 64 * 1024;
constexpr const char* mark = "# Made by zoned at each boot of the zone; take this line away to keep your own.\n";
/// Ends the line of /etc/hosts that is zoned's.
constexpr std::string_view lineMark = " # zoned: the zone's own name, kept right at each boot";
constexpr const char* zoneInfo = "usr/share/zoneinfo/";

enum class Found { nothing, file, other };

struct Present {
    Found found = Found::nothing;
    std::string content; // of a file
};

/// A file is a plain, small one, without a link at its end.
Present present(int root, const std::string& path) {
    try {
        if (sys::readLinkBeneath(root, path)) {
            return {Found::other, ""};
        }
        auto content = sys::readBeneath(root, path, largestFile);
        return content ? Present{Found::file, std::move(*content)} : Present{};
    } catch (const sys::Error&) {
        return {Found::other, ""};
    }
}

void write(int root, const std::string& path, const Present& now, const std::string& content) {
    if (now.found != Found::file || now.content != content) {
        sys::replaceBeneath(root, path, content);
    }
}

bool isHostName(std::string_view name) {
    constexpr std::size_t longest = 64; // HOST_NAME_MAX
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == '_';
    };
    return !name.empty() && name.size() <= longest && name.front() != '-' && name.front() != '.' &&
           std::all_of(name.begin(), name.end(), fits);
}

/// The first line of hostname(5) that says something.
std::string nameIn(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::string name;
        std::istringstream words(line);
        if (words >> name && name.front() != '#') {
            return name;
        }
    }
    return "";
}

/// The definition's name, where it has one; else what the zone calls itself; else the zone's name.
std::string settleHostName(int root, const BootSpec& spec) {
    const Present now = present(root, "etc/hostname");
    if (!spec.hostnameGiven && now.found == Found::file) {
        if (std::string own = nameIn(now.content); isHostName(own)) {
            return own;
        }
    }
    write(root, "etc/hostname", now, spec.hostname + "\n");
    return spec.hostname;
}

/// "web.example.org web"
std::string namesOf(const std::string& hostname) {
    const std::string shortName = hostname.substr(0, hostname.find('.'));
    return shortName == hostname ? shortName : hostname + " " + shortName;
}

std::string addressOf(const BootSpec& spec) {
    for (const NicSpec& nic : spec.nics) {
        if (nic.address) {
            return zone::ipv4Text(nic.address->address);
        }
    }
    return "127.0.1.1";
}

bool namesHost(const std::string& line, const std::string& hostname) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string word;
    words >> word; // the address
    while (words >> word) {
        if (word == hostname) {
            return true;
        }
    }
    return false;
}

/// The line that zoned made before it marked its line, when the whole file was its own.
bool isFormerLine(const std::string& line, const std::string& names) {
    const std::size_t space = line.find(' ');
    return space != std::string::npos && line.substr(space + 1) == names;
}

bool isOwnLine(const std::string& line, bool former, const std::string& names) {
    return line.ends_with(lineMark) || (former && isFormerLine(line, names));
}

void writeHosts(int root, const BootSpec& spec, const std::string& hostname) {
    const Present now = present(root, "etc/hosts");
    if (now.found == Found::other) {
        return; // a link, say: somebody else's
    }
    const std::string names = namesOf(hostname);
    const bool former = now.content.starts_with(mark);
    std::vector<std::string> lines;
    std::istringstream text(former ? now.content.substr(std::string_view(mark).size()) : now.content);
    for (std::string line; std::getline(text, line);) {
        lines.push_back(line);
    }
    if (lines.empty()) {
        lines = {"127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"};
    }
    const auto own = [&](const std::string& line) { return isOwnLine(line, former, names); };
    const auto place = std::find_if(lines.begin(), lines.end(), own) - lines.begin();
    lines.erase(std::remove_if(lines.begin(), lines.end(), own), lines.end());
    const bool named =
        std::any_of(lines.begin(), lines.end(), [&](const std::string& line) { return namesHost(line, hostname); });
    if (!named) { // else the zone's administrator says what the name means
        lines.insert(lines.begin() + std::min<std::ptrdiff_t>(place, std::ssize(lines)),
                     addressOf(spec) + " " + names + std::string(lineMark));
    }
    std::string result;
    for (const std::string& line : lines) {
        result += line + "\n";
    }
    write(root, "etc/hosts", now, result);
}

/// Without "." and "..", from the root.
std::string plainPath(const std::string& path) {
    std::vector<std::string> parts;
    std::istringstream words(path);
    for (std::string part; std::getline(words, part, '/');) {
        if (part == "..") {
            if (!parts.empty()) {
                parts.pop_back();
            }
        } else if (!part.empty() && part != ".") {
            parts.push_back(part);
        }
    }
    std::string plain;
    for (const std::string& part : parts) {
        plain += "/" + part;
    }
    return plain;
}

/// Where a link, or several, lead to in the end, as a path from the zone's root.
std::string linkedPath(int root, std::string path) {
    constexpr int mostLinks = 8;
    for (int links = 0; links < mostLinks; ++links) {
        const auto target = sys::readLinkBeneath(root, path);
        if (!target) {
            break;
        }
        path = target->starts_with('/') ? *target : path.substr(0, path.rfind('/') + 1) + *target;
    }
    return plainPath(path);
}

bool isInRun(const std::string& path) {
    return path.starts_with("/run/") || path.starts_with("/var/run/");
}

/// A link leads to the file of a resolver of the zone (see guest_network.hpp). Where that one does not run, nobody makes
/// the file: so it is there from the start, and the resolver replaces it. A link to nowhere else is replaced.
void writeLinkedResolver(int root, const std::string& content) {
    const std::string target = linkedPath(root, "etc/resolv.conf");
    try {
        (void)sys::openBeneath(root, target, O_PATH, sys::FileType::any);
        return; // such as systemd's, which names its own resolver and never changes
    } catch (const sys::Error&) {
        // leads nowhere
    }
    if (isInRun(target)) {
        (void)sys::makeDirectoriesBeneath(root, target.substr(0, target.rfind('/')));
        sys::replaceBeneath(root, target, content);
    } else {
        sys::replaceBeneath(root, "etc/resolv.conf", content);
    }
}

void writeResolver(int root, const BootSpec& spec) {
    if (spec.dns.empty()) {
        return;
    }
    const std::string content = mark + nameserverLines(spec);
    if (sys::readLinkBeneath(root, "etc/resolv.conf")) {
        writeLinkedResolver(root, content);
        return;
    }
    const Present now = present(root, "etc/resolv.conf");
    // a file of ours is kept up to date; one that the zone's administrator took over is left alone
    if (now.found != Found::file || now.content.empty() || now.content.starts_with(mark)) {
        write(root, "etc/resolv.conf", now, content);
    }
}

bool isMachineId(const std::string& text) {
    const std::string id = text.substr(0, text.find('\n'));
    return id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

void writeMachineId(int root, const BootSpec& spec) {
    try {
        if (isMachineId(sys::readBeneath(root, "etc/machine-id", largestFile).value_or(""))) {
            return;
        }
    } catch (const sys::Error&) {
        // no plain file
    }
    sys::replaceBeneath(root, "etc/machine-id", spec.uuid + "\n");
}

/// Once, as the choice of whoever installed the zone: a link that the zone's administrator changes or that came with
/// the image stays.
void writeTimeZone(int root, const std::string& timeZone) {
    if (timeZone.empty()) {
        return;
    }
    const sys::UniqueFd etc = sys::openBeneath(root, "etc", O_PATH | O_DIRECTORY, sys::FileType::directory);
    const std::string target = std::string("../") + zoneInfo + timeZone;
    if (::symlinkat(target.c_str(), etc.get(), "localtime") < 0 && errno != EEXIST) {
        sys::throwErrno("giving the zone the host's time zone");
    }
}

} // namespace

std::string hostTimeZone() {
    std::array<char, PATH_MAX> link{};
    const auto length = ::readlink("/etc/localtime", link.data(), link.size());
    const std::string target(link.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
    const std::size_t place = target.find(zoneInfo);
    return place == std::string::npos ? "" : target.substr(place + std::string_view(zoneInfo).size());
}

std::string writeIdentity(int root, const BootSpec& spec, const std::string& timeZone) {
    (void)sys::makeDirectoriesBeneath(root, "etc");
    const std::string hostname = settleHostName(root, spec);
    writeHosts(root, spec, hostname);
    writeResolver(root, spec);
    writeMachineId(root, spec);
    writeTimeZone(root, timeZone);
    return hostname;
}

} // namespace zoned::platform
