#include "platform/confinement.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "sys/capabilities.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/mount.hpp"
#include "sys/process.hpp"
#include "sys/seccomp_load.hpp"

namespace zoned::platform {

namespace {

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    for (const std::string& text : texts) {
        result.push_back(const_cast<char*>(text.c_str())); // execve(2) takes them so and changes nothing
    }
    result.push_back(nullptr);
    return result;
}

/// Covers a folder with an empty one and a file with the zone's /dev/null.
void mask(int root, const std::string& path) {
    sys::UniqueFd place;
    try {
        place = sys::openBeneath(root, path, O_PATH, sys::FileType::any);
    } catch (const sys::Error& error) {
        if (error.code() == ENOENT) {
            return; // this kernel has no such file
        }
        throw;
    }
    struct stat info {};
    sys::check(::fstat(place.get(), &info), "looking at /", path);
    const sys::UniqueFd cover =
        S_ISDIR(info.st_mode)
            ? sys::makeFileSystem("tmpfs", {{"mode", "000"}, {"size", "4k"}}, MOUNT_ATTR_RDONLY)
            : sys::cloneMountAt(sys::openBeneath(root, "dev/null", O_PATH, sys::FileType::any).get(), "/dev/null");
    sys::attachMount(cover.get(), place.get(), "/" + path);
}

void makeReadOnly(int root, const std::string& path) {
    const sys::UniqueFd place = sys::openBeneath(root, path, O_PATH, sys::FileType::directory);
    const sys::UniqueFd copy = sys::cloneMountAt(place.get(), "/" + path);
    sys::setMountAttributes(copy.get(), MOUNT_ATTR_RDONLY, 0, -1, "/" + path);
    sys::attachMount(copy.get(), place.get(), "/" + path);
}

} // namespace

void confine(std::uint64_t capabilities, const std::string& seccompFilter) {
    sys::joinNewSessionKeyring();
    sys::closeOnExecFrom(3);
    sys::resetSignalsAndUmask();
    sys::dropBoundingSet(capabilities);
    sys::loadFilter(seccompFilter);
}

void execute(const std::string& program, const std::vector<std::string>& argv,
             const std::vector<std::string>& environment) {
    const std::vector<char*> arguments = pointers(argv);
    const std::vector<char*> variables = pointers(environment);
    // execvpe(3) searches the caller's PATH, which is the host's
    ::environ = const_cast<char**>(variables.data());
    ::execvp(program.c_str(), arguments.data());
    sys::throwErrno("executing ", program);
}

void maskKernelFiles(int root) {
    constexpr std::array masked{"proc/kallsyms",   "proc/kcore",       "proc/keys",          "proc/sysrq-trigger",
                                "proc/timer_list", "proc/sched_debug", "proc/latency_stats", "sys/firmware"};
    for (const char* path : masked) {
        mask(root, path);
    }
    makeReadOnly(root, "proc/sys");
}

void coverMachine(int root) {
    // whoever makes a user namespace inside finds the covers locked, and may then mount sysfs only where another one
    // in sight of the kernel has none (fs/namespace.c, mnt_already_visible): this one, behind a folder that is root's
    const sys::UniqueFd place = sys::openBeneath(root, "sys", O_PATH, sys::FileType::directory);
    const sys::UniqueFd bare = sys::cloneMountAt(place.get(), "/sys");
    (void)sys::makeDirectoriesBeneath(root, "run/host/kernel", 0700);
    const sys::UniqueFd aside = sys::makeDirectoriesBeneath(root, "run/host/kernel/sys");
    sys::attachMount(bare.get(), aside.get(), "/run/host/kernel/sys");
    for (const char* path : {"sys/firmware", "sys/devices/virtual/dmi", "sys/kernel/boot_params"}) {
        mask(root, path);
    }
}

} // namespace zoned::platform
