#include "zone/definition.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace zoned::zone {

namespace {

/// A decimal number without sign and leading zeros, at most `limit`, up to `end`; moves `begin` past it.
std::optional<std::uint32_t> number(const char*& begin, const char* end, std::uint32_t limit) {
    std::uint32_t value = 0;
    const auto [rest, fault] = std::from_chars(begin, end, value);
    const bool padded = rest - begin > 1 && *begin == '0'; // inet_aton reads "010" as octal: ambiguous, so refused
    if (fault != std::errc{} || value > limit || padded) {
        return std::nullopt;
    }
    begin = rest;
    return value;
}

} // namespace

std::optional<std::uint32_t> parseIpv4(const std::string& text) {
    const char* at = text.data();
    const char* const end = at + text.size();
    std::uint32_t address = 0;
    for (int part = 0; part < 4; ++part) {
        if (part > 0 && (at == end || *at++ != '.')) {
            return std::nullopt;
        }
        const auto octet = number(at, end, 255);
        if (!octet) {
            return std::nullopt;
        }
        address = address << 8 | *octet;
    }
    return at == end ? std::optional(address) : std::nullopt;
}

std::optional<Ipv4Network> parseIpv4Network(const std::string& text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string::npos) {
        return std::nullopt;
    }
    const auto address = parseIpv4(text.substr(0, slash));
    const char* at = text.data() + slash + 1;
    const char* const end = text.data() + text.size();
    const auto prefix = number(at, end, 32);
    if (!address || !prefix || at != end) {
        return std::nullopt;
    }
    return Ipv4Network{*address, static_cast<std::uint8_t>(*prefix)};
}

std::string ipv4Text(std::uint32_t address) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) {
        text += std::to_string(address >> shift & 0xFF);
        if (shift > 0) {
            text += '.';
        }
    }
    return text;
}

std::string Ipv4Network::str() const {
    return ipv4Text(address) + "/" + std::to_string(prefix);
}

std::string_view hostShutdownName(HostShutdown how) noexcept {
    return how == HostShutdown::halt ? "halt" : "shutdown";
}

std::string_view restartName(Restart when) noexcept {
    static constexpr std::array<std::string_view, 3> names{"no", "on-failure", "always"};
    return names[static_cast<std::size_t>(when)];
}

bool tellsReadiness(std::string_view initKind) noexcept {
    return initKind == initKindName(InitKind::systemd);
}

std::string_view initKindName(InitKind kind) noexcept {
    static constexpr std::array<std::string_view, 6> names{"auto",   "systemd", "sysvinit",
                                                           "openrc", "busybox", "custom"};
    return names[static_cast<std::size_t>(kind)];
}

std::vector<std::string> privilegeKeys(const Definition& definition) {
    std::vector<std::string> keys;
    const auto add = [&keys](std::string key, bool there) {
        if (there) {
            keys.push_back(std::move(key));
        }
    };
    add("privileged", definition.privileged);
    add("mounts", !definition.mounts.empty());
    add("admins", !definition.admins.empty());
    add("host-requires", !definition.hostRequires.empty());
    for (std::size_t i = 0; i < definition.network.size(); ++i) {
        add("network[" + std::to_string(i) + "].bridge", definition.network[i].bridge.has_value());
    }
    return keys;
}

bool givesPrivilege(const Definition& definition) {
    return !privilegeKeys(definition).empty();
}

bool keyGivesPrivilege(std::string_view path) noexcept {
    const std::string_view first = path.substr(0, path.find_first_of(".["));
    return first == "privileged" || first == "mounts" || first == "admins" || first == "host-requires" ||
           (first == "network" && path.ends_with(".bridge"));
}

} // namespace zoned::zone
