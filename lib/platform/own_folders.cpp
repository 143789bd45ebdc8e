#include "platform/own_folders.hpp"

#include <algorithm>
#include <sstream>

#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/mount.hpp"
#include "sys/unique_fd.hpp"
#include "zone/mount_target.hpp"

namespace zoned::platform {

namespace {

constexpr std::size_t largestTable = 64 << 20; // some 300,000 mounts

struct MountLine {
    int id = 0;
    std::string device; // of the file system: "8:1"
    std::string root;   // what of the file system is mounted
    std::string target;
};

/// Blanks and the like are written in octal, "\040" (proc(5)).
std::string unescape(const std::string& text) {
    std::string result;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\' && at + 3 < text.size()) {
            result += static_cast<char>(std::stoi(text.substr(at + 1, 3), nullptr, 8));
            at += 3;
        } else {
            result += text[at];
        }
    }
    return result;
}

std::vector<MountLine> readMounts() {
    std::istringstream lines(sys::readFile("/proc/self/mountinfo", largestTable).value_or(""));
    std::vector<MountLine> table;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        MountLine mount;
        int parent = 0;
        words >> mount.id >> parent >> mount.device >> mount.root >> mount.target;
        mount.root = unescape(mount.root);
        mount.target = unescape(mount.target);
        table.push_back(std::move(mount));
    }
    return table;
}

struct Place {
    std::string device;
    std::string path; // from the root of the file system
    std::string seen; // from our root
};

Place placeOf(int fd, const std::string& name, const std::vector<MountLine>& table) {
    const auto mount = std::ranges::find(table, sys::mountIdOf(fd), &MountLine::id);
    if (mount == table.end()) {
        throw sys::Error("looking for the mount of " + name + ": it has just been taken away", 0);
    }
    Place place{mount->device, mount->root, sys::pathOf(fd)};
    const std::string below = place.seen.substr(mount->target == "/" ? 0 : mount->target.size());
    if (place.path == "/") {
        place.path = below.empty() ? "/" : below;
    } else if (below != "/") {
        place.path += below;
    }
    return place;
}

bool overlap(const std::string& one, const std::string& other) {
    return zone::isWithin(one, other) || zone::isWithin(other, one);
}

/// Also where something is mounted in the folder: that is the zone manager's as well, wherever else it is mounted.
bool overlaps(const Place& source, const Place& folder, const std::vector<MountLine>& table) {
    const auto meets = [&source](const std::string& device, const std::string& path) {
        return source.device == device && overlap(source.path, path);
    };
    return overlap(source.seen, folder.seen) || meets(folder.device, folder.path) ||
           std::ranges::any_of(table, [&](const MountLine& mount) {
               return zone::isWithin(mount.target, folder.seen) && meets(mount.device, mount.root);
           });
}

} // namespace

void refuseOwnFolders(int source, const std::string& name, const std::vector<std::string>& folders) {
    const std::vector<MountLine> table = readMounts();
    const Place place = placeOf(source, name, table);
    for (const std::string& folder : folders) {
        if (!sys::exists(folder)) {
            continue;
        }
        const sys::UniqueFd opened = sys::openDirectory(folder);
        if (overlaps(place, placeOf(opened.get(), folder, table), table)) {
            throw sys::Error("showing " + name + " in the zone: it is, holds or lies in " + folder +
                                 ", where the zone manager keeps what gives power over every zone and the host; name "
                                 "a folder that has nothing of it",
                             0);
        }
    }
}

} // namespace zoned::platform
