#include "forwarding.hpp"

#include <net/if.h>

#include <array>
#include <sstream>
#include <vector>

#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/netlink.hpp"
#include "sys/nft_elements.hpp"

namespace zoned::daemon {
namespace {

std::string settingOf(const std::string& link) {
    return "/proc/sys/net/ipv4/conf/" + link + "/forwarding";
}

/// False also of a link that there is none of.
bool forwards(const std::string& link) {
    return sys::readFile(settingOf(link)).value_or("0").starts_with('1');
}

void turn(const std::string& link, bool on) {
    if (forwards(link) != on && sys::exists(settingOf(link))) {
        sys::writeKernelFile(settingOf(link), on ? "1" : "0");
    }
}

/// The links that the host has routes by, without the bridge.
std::set<std::string> uplinks(const std::string& bridge) {
    std::set<std::uint32_t> indices;
    for (const sys::RouteInfo& route : sys::Netlink().routes()) {
        indices.insert(route.link);
    }
    std::set<std::string> names;
    for (const std::uint32_t index : indices) {
        std::array<char, IF_NAMESIZE> name{};
        if (::if_indextoname(index, name.data()) != nullptr && name.data() != bridge &&
            name.data() != std::string("lo")) {
            names.insert(name.data());
        }
    }
    return names;
}

} // namespace

std::set<std::string> Forwarding::noted() const {
    std::set<std::string> links;
    std::istringstream lines(sys::readFile(note()).value_or(""));
    for (std::string line; std::getline(lines, line);) {
        links.insert(line);
    }
    return links;
}

void Forwarding::open() {
    const std::string& bridge = host_.settings.network.bridge;
    turn(bridge, true);
    std::set<std::string> opened = noted();
    if (forwards("all")) { // the host routes, by somebody else's will, and what we opened is its own now
        if (!opened.empty()) {
            forget();
        }
        return;
    }
    const std::size_t before = opened.size();
    for (const std::string& link : uplinks(bridge)) {
        if (!forwards(link)) { // else somebody else has turned it on, or we have
            opened.insert(link);
        }
    }
    if (opened.size() != before) {
        std::string text;
        for (const std::string& link : opened) {
            text += link + "\n";
        }
        sys::replaceVolatileFile(note(), text);
    }
    // the rule before the routing; also where none is new: the packet filter may be
    sys::setOpenedLinks(host_.settings.nftTable, {opened.begin(), opened.end()});
    for (const std::string& link : opened) {
        turn(link, true);
    }
}

void Forwarding::close() {
    const std::set<std::string> opened = noted();
    if (opened.empty()) {
        return;
    }
    if (!forwards("all")) {
        for (const std::string& link : opened) {
            turn(link, false);
        }
        turn(host_.settings.network.bridge, false);
    }
    forget();
}

void Forwarding::forget() {
    sys::setOpenedLinks(host_.settings.nftTable, {});
    (void)sys::removeFile(note());
}

} // namespace zoned::daemon
