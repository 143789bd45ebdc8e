#include "platform/covers.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>

#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/mount.hpp"

namespace zoned::platform {

namespace {

struct Cover {
    const char* path;
    mode_t mode; // where it is missing
};

constexpr std::array covers{Cover{"tmp", 01777}, Cover{"run/lock", 01777}};

struct stat look(int folder, const std::string& target) {
    struct stat info {};
    sys::check(::fstat(folder, &info), "looking at a folder above ", target);
    return info;
}

/// Nothing where the zone has no folder there.
sys::UniqueFd folderAt(int root, const char* path) {
    try {
        return sys::openBeneath(root, path, O_PATH | O_DIRECTORY, sys::FileType::directory);
    } catch (const sys::Error&) {
        return {};
    }
}

bool same(const struct stat& left, const struct stat& right) {
    return left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

/// By what the folders are, not by their names: a link may lead there (/var/lock).
bool liesIn(int root, const sys::UniqueFd& start, const struct stat& cover, const std::string& target) {
    const struct stat top = look(root, target);
    sys::UniqueFd folder = sys::openBeneath(start.get(), ".", O_PATH | O_DIRECTORY, sys::FileType::directory);
    for (struct stat info = look(folder.get(), target); !same(info, cover); info = look(folder.get(), target)) {
        if (same(info, top)) {
            return false;
        }
        folder = sys::openParent(folder.get(), target);
    }
    return true;
}

} // namespace

void keepUncovered(int root, const std::string& target) {
    for (const Cover& cover : covers) {
        try {
            // before init has made it: a link of the image may lead there
            (void)sys::makeDirectoriesBeneath(root, cover.path, cover.mode);
        } catch (const sys::Error&) {
            // no folder, so that nothing is mounted over it
        }
    }
    const std::string above = target.substr(0, target.rfind('/'));
    const sys::UniqueFd folder = sys::makeDirectoriesBeneath(root, above);
    for (const Cover& cover : covers) {
        const auto place = folderAt(root, cover.path);
        const std::string name = std::string("/") + cover.path;
        if (!place || sys::isMount(place.get(), name) || !liesIn(root, folder, look(place.get(), target), target)) {
            continue;
        }
        sys::attachMount(sys::cloneMountAt(place.get(), name).get(), place.get(), name);
    }
}

} // namespace zoned::platform
