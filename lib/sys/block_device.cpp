#include "sys/block_device.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::sys {

namespace {

/// The number of the disk that the device is, or is a partition of.
std::string wholeDisk(dev_t device) {
    const std::string number = std::to_string(major(device)) + ":" + std::to_string(minor(device));
    const std::string folder = "/sys/dev/block/" + number;
    if (!exists(folder + "/partition")) {
        return number;
    }
    // a link to …/sda/sda1: the folder above is the disk's
    std::string disk = readFile(folder + "/../dev").value_or(number);
    while (!disk.empty() && disk.back() == '\n') {
        disk.pop_back();
    }
    return disk;
}

} // namespace

std::string diskNumber(const std::string& device) {
    struct stat status {};
    check(::stat(device.c_str(), &status), "looking for the block device ", device);
    if (!S_ISBLK(status.st_mode)) {
        throw Error(device + " is no block device", 0);
    }
    return wholeDisk(status.st_rdev);
}

std::string diskNumberUnder(const std::string& folder) {
    struct stat status {};
    check(::stat(folder.c_str(), &status), "looking for the disk under ", folder);
    if (major(status.st_dev) == 0) {
        throw Error("the file system of " + folder + " has no disk of its own; name a device such as /dev/sda", 0);
    }
    return wholeDisk(status.st_dev);
}

} // namespace zoned::sys
