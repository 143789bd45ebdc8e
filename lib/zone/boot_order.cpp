#include "zone/boot_order.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <set>
#include <string_view>

namespace zoned::zone {

std::vector<std::string> wayBetween(const std::string& from, const std::string& to, const Waits& waits) {
    std::map<std::string, std::string> cameFrom{{from, ""}};
    std::deque<std::string> open{from};
    while (!open.empty() && !cameFrom.contains(to)) {
        const std::string zone = open.front();
        open.pop_front();
        const auto found = waits.find(zone);
        for (const std::string& next : found == waits.end() ? std::vector<std::string>{} : found->second) {
            if (cameFrom.emplace(next, zone).second) {
                open.push_back(next);
            }
        }
    }
    std::vector<std::string> way;
    if (cameFrom.contains(to)) {
        for (std::string zone = to; !zone.empty(); zone = cameFrom.at(zone)) {
            way.insert(way.begin(), zone);
        }
    }
    return way;
}

std::vector<std::vector<std::string>> bootGroups(const std::vector<std::string>& zones, const Waits& waits) {
    std::vector<std::vector<std::string>> groups;
    std::vector<std::string> left = zones;
    while (!left.empty()) {
        const std::set<std::string> missing(left.begin(), left.end());
        const auto isFree = [&](const std::string& zone) {
            const auto found = waits.find(zone);
            return found == waits.end() || std::ranges::none_of(found->second, [&](const std::string& other) {
                       return other != zone && missing.contains(other);
                   });
        };
        const auto later = std::stable_partition(left.begin(), left.end(), isFree);
        // nobody can be first: they wait for each other
        const auto end = later == left.begin() ? left.end() : later;
        groups.emplace_back(left.begin(), end);
        left.erase(left.begin(), end);
    }
    return groups;
}

std::optional<std::string> unitNameProblem(const std::string& text) {
    // those that can be started and mean something to wait for
    static constexpr std::array<std::string_view, 7> kinds{".target", ".mount", ".service", ".socket",
                                                           ".device", ".path",  ".timer"};
    constexpr std::size_t longest = 255; // UNIT_NAME_MAX of systemd, with its NUL 256
    const auto isUnitCharacter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view(":-_.\\@").find(c) != std::string_view::npos;
    };
    const bool hasKind = std::ranges::any_of(
        kinds, [&](std::string_view kind) { return text.ends_with(kind) && text.size() > kind.size(); });
    if (!hasKind || text.size() > longest || !std::ranges::all_of(text, isUnitCharacter)) {
        return "is the full name of a unit of the host's systemd: letters, digits and :-_.\\@, ending with .target, "
               ".mount, .service, .socket, .device, .path or .timer";
    }
    return std::nullopt;
}

} // namespace zoned::zone
