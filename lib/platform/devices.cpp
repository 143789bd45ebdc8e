#include "platform/devices.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>

#include "platform/bringup.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/mount.hpp"

namespace zoned::platform {

namespace {

struct Node {
    const char* name;
    unsigned major;
    unsigned minor;
};

/// Major and minor numbers: the kernel's Documentation/admin-guide/devices.txt. The last two act on what is the
/// zone's: an interface is made in its network namespace and takes CAP_NET_ADMIN there, and a file system of FUSE is
/// mounted in a user namespace only with what it serves owned there (fs/fuse/inode.c, FS_USERNS_MOUNT).
constexpr std::array nodes{Node{"null", 1, 3},    Node{"zero", 1, 5}, Node{"full", 1, 7},       Node{"random", 1, 8},
                           Node{"urandom", 1, 9}, Node{"tty", 5, 0},  Node{"net/tun", 10, 200}, Node{"fuse", 10, 229}};

/// Group 5 is "tty" in every distribution's static group list.
constexpr const char* ttyGroup = "5";

void makeDev(Bringup& bringup) {
    const uid_t owner = bringup.zone.spec.idBase;
    const std::string id = std::to_string(owner);
    bringup.dev =
        sys::makeFileSystem("tmpfs", {{"mode", "755"}, {"uid", id}, {"gid", id}, {"size", "4m"}, {"nr_inodes", "4096"}},
                            MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    (void)sys::makeDirectoriesBeneath(bringup.dev.get(), "net");
    sys::check(::fchownat(bringup.dev.get(), "net", owner, owner, 0), "giving the zone its /dev/net");
    for (const Node& node : nodes) {
        const std::string object = sys::join("the zone's /dev/", node.name);
        sys::check(::mknodat(bringup.dev.get(), node.name, S_IFCHR | 0666, ::makedev(node.major, node.minor)),
                   "making ", object);
        sys::check(::fchmodat(bringup.dev.get(), node.name, 0666, 0), "opening up ", object);
        sys::check(::fchownat(bringup.dev.get(), node.name, owner, owner, 0), "giving the zone ", object);
    }
}

void attachNew(int root, const std::string& place, const sys::UniqueFd& mount) {
    const sys::UniqueFd target = sys::makeDirectoriesBeneath(root, place);
    sys::attachMount(mount.get(), target.get(), "/" + place);
}

} // namespace

Step devicesStep() {
    return {"devices", "make a /dev with null, zero, full, random, urandom, tty, net/tun and fuse", makeDev, {}};
}

void furnishDev(int root) {
    struct Link {
        const char* name;
        const char* target;
    };
    constexpr std::array links{Link{"ptmx", "pts/ptmx"},          Link{"fd", "/proc/self/fd"},
                               Link{"stdin", "/proc/self/fd/0"},  Link{"stdout", "/proc/self/fd/1"},
                               Link{"stderr", "/proc/self/fd/2"}, Link{"core", "/proc/kcore"}};
    const sys::UniqueFd dev = sys::openBeneath(root, "dev", O_PATH | O_DIRECTORY, sys::FileType::directory);
    for (const Link& link : links) {
        sys::check(::symlinkat(link.target, dev.get(), link.name), "making the link /dev/", link.name);
    }
    constexpr sys::MountAttributes plain = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    attachNew(root, "dev/pts",
              sys::makeFileSystem("devpts", {{"mode", "620"}, {"gid", ttyGroup}, {"ptmxmode", "666"}, {"max", "1024"}},
                                  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
    attachNew(root, "dev/shm",
              sys::makeFileSystem("tmpfs", {{"mode", "1777"}, {"size", "10%"}, {"nr_inodes", "400k"}},
                                  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
    attachNew(root, "dev/mqueue", sys::makeFileSystem("mqueue", {}, plain));
}

} // namespace zoned::platform
