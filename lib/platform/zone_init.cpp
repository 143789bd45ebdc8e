#include "platform/zone_init.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "platform/bringup.hpp"
#include "platform/confinement.hpp"
#include "platform/covers.hpp"
#include "platform/devices.hpp"
#include "platform/guest_network.hpp"
#include "platform/handshake.hpp"
#include "platform/identity.hpp"
#include "platform/init_kind.hpp"
#include "platform/own_secrets.hpp"
#include "platform/rootfs.hpp"
#include "platform/volumes.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/mount.hpp"
#include "sys/netlink.hpp"
#include "sys/process.hpp"
#include "sys/pty.hpp"
#include "sys/received_fds.hpp"

namespace zoned::platform {

namespace {

constexpr const char* notifyPath = "run/host/notify";

struct Parts {
    sys::UniqueFd image;
    sys::UniqueFd layer;
    sys::UniqueFd dev;
    std::vector<Volume> volumes;
};

struct Assembled {
    sys::UniqueFd root;
    sys::Pty console;
    sys::UniqueFd notify;
    FoundInit init;
};

void becomeZoneRoot() {
    // without the group first, every later mkdir fails: the ids of the caller have no meaning in here
    sys::check(::setgroups(0, nullptr), "dropping the groups");
    sys::check(::setresgid(0, 0, 0), "becoming the zone's root group");
    sys::check(::setresuid(0, 0, 0), "becoming the zone's root");
    sys::forbidTracing();
    ::umask(022);
}

Parts receiveParts(const BootSpec& spec, const std::string& mountPlaces, sys::Channel& channel) {
    Parts parts;
    parts.volumes = takeVolumes(spec, mountPlaces);
    Message layers = receiveMessage(channel, "assemble", 3, "the layers");
    parts.image = std::move(layers.fds[0]);
    parts.layer = std::move(layers.fds[1]);
    parts.dev = std::move(layers.fds[2]);
    becomeZoneRoot(); // the id map is written by now
    return parts;
}

void mountAt(int root, const std::string& place, const sys::UniqueFd& mount) {
    const sys::UniqueFd target = sys::makeDirectoriesBeneath(root, place);
    sys::attachMount(mount.get(), target.get(), "/" + place);
}

/// proc and sysfs must be there before the old root goes: afterwards the kernel refuses them, because no
/// fully visible one is left to compare with (fs/namespace.c, mount_too_revealing).
void mountKernelFileSystems(int root) {
    constexpr sys::MountAttributes plain = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    mountAt(root, "proc", sys::makeFileSystem("proc", {}, plain));
    // read-only /sys: systemd 262 looks for its console there and udev stays away
    mountAt(root, "sys", sys::makeFileSystem("sysfs", {}, plain | MOUNT_ATTR_RDONLY));
    mountAt(root, "sys/fs/cgroup", sys::makeFileSystem("cgroup2", {}, plain));
}

/// Lets every group ask for echoes (ping) without privilege, as systemd's sysctl.d does on a host; inside, its way of
/// saying "all" is refused, for it names groups that a zone does not have.
void openPing(int root) {
    const sys::UniqueFd file =
        sys::openBeneath(root, "proc/sys/net/ipv4/ping_group_range", O_WRONLY, sys::FileType::regular);
    sys::writeAll(file.get(), "0 65535", "the groups that may ping");
}

void mountRun(int root, const BootSpec& spec) {
    mountAt(root, "run",
            sys::makeFileSystem("tmpfs", {{"mode", "755"}, {"size", "20%"}, {"nr_inodes", "800k"}},
                                MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
    (void)sys::makeDirectoriesBeneath(root, "run/host");
    sys::replaceBeneath(root, "run/host/container-manager", "zoned\n", 0444);
    sys::replaceBeneath(root, "run/host/container-uuid", spec.uuid + "\n", 0444);
}

/// The console is a terminal of the zone's own devpts, bound on /dev/console.
sys::Pty openConsole(int root) {
    sys::Pty console = sys::openPty(root);
    const std::string number = std::to_string(sys::ptyNumber(console.master.get()));
    const sys::UniqueFd slave = sys::openBeneath(root, "dev/pts/" + number, O_PATH, sys::FileType::any);
    const sys::UniqueFd mount = sys::cloneMountAt(slave.get(), "the console");
    const sys::UniqueFd place = sys::openBeneath(root, "dev/console", O_RDONLY | O_CREAT, sys::FileType::regular, 0600);
    sys::attachMount(mount.get(), place.get(), "/dev/console");
    return console;
}

/// Bound inside the zone's /run by us, so that no socket of the host is shown in the zone. Credentials come
/// with each message: the supervisor listens to init alone.
sys::UniqueFd openNotifySocket(int root) {
    sys::UniqueFd socket(
        sys::check(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "making the notification socket"));
    const int on = 1;
    sys::check(::setsockopt(socket.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on),
               "asking for credentials on the notification socket");
    // a descriptor that is passed along would be closed by the supervisor, and closing can take for ever (a TCP
    // socket that lingers); kernels before 6.16 cannot refuse them, so only the zone's root may write here
    sys::refuseDescriptors(socket.get());
    const sys::UniqueFd folder = sys::openBeneath(root, "run/host", O_PATH | O_DIRECTORY, sys::FileType::directory);
    const std::string path = sys::join("/proc/self/fd/", folder.get(), "/notify");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    sys::check(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
               "binding the notification socket");
    sys::check(::fchmodat(folder.get(), "notify", 0600, 0), "closing the notification socket to the zone's users");
    return socket;
}

/// An error of a mount tells which one it was: the kernel's and the zone's own folders are parts of its text only.
void mountVolume(int root, const Volume& volume) {
    try {
        keepUncovered(root, volume.target);
        attachVolume(root, volume);
    } catch (const sys::Error& error) {
        throw sys::Error("mounting at " + volume.target + " in the zone: " + error.action(), error.code());
    }
}

Assembled assemble(const BootSpec& spec, const MountPlaces& places, const Parts& parts) {
    const std::string timeZone = hostTimeZone(); // while the host's root is there
    sys::makeMountsPrivate();
    Assembled zone;
    if (spec.nics.empty()) {
        // else it comes with them: beside the making of a veth this would wait for the kernel's network lock
        sys::Netlink().bringUp({});
    }
    zone.root = assembleRoot(places, parts.image, parts.layer);
    const int root = zone.root.get();
    zone.init = findInit(root, spec.initKind, spec.initArgv);
    mountKernelFileSystems(root);
    openPing(root);
    mountAt(root, "dev", parts.dev);
    furnishDev(root);
    if (spec.privileged) {
        maskKernelFiles(root);
    }
    mountRun(root, spec);
    if (!spec.privileged) {
        coverMachine(root);
    }
    const std::string hostname = writeIdentity(root, spec, timeZone);
    tellNetworkPrograms(root, spec, zone.init.kind);
    for (const Volume& volume : parts.volumes) {
        mountVolume(root, volume);
    }
    zone.console = openConsole(root);
    zone.notify = openNotifySocket(root);
    sys::pivotRoot(root);
    // what is mounted later shows in the services that run by then (mount_namespaces(7)), as on a host: an init in a
    // container leaves that to whoever made it, and systemd hands a service its credentials by it
    sys::makeMountsShared();
    sys::check(::sethostname(hostname.c_str(), hostname.size()), "setting the hostname ", hostname);
    return zone;
}

std::vector<std::string> environmentOfInit(const BootSpec& spec) {
    std::vector<std::string> environment{
        "container=zoned",
        "container_uuid=" + spec.uuid,
        "TERM=dumb", // systemd asks a cleverer terminal for its size and waits for the answer
        "PATH=" + std::string(standardPath),
        std::string("NOTIFY_SOCKET=/") + notifyPath,
    };
    for (const auto& [name, value] : spec.environment) {
        environment.push_back(name + "=" + value);
    }
    return environment;
}

void executeInit(const BootSpec& spec, const Assembled& zone, const std::vector<std::string>& arguments) {
    std::vector<std::string> argv = zone.init.argv;
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    sys::takeTerminal(zone.console.slave.get());
    execute(zone.init.path, argv, environmentOfInit(spec));
}

} // namespace

int becomeZone(const BootSpec& spec, const std::string& mountPlaces, const std::string& seccompFilter,
               sys::Channel& channel) {
    try {
        sys::leaveStreams(); // the supervisor's are the service's log
        const MountPlaces places = openMountPlaces(mountPlaces);
        const Parts parts = receiveParts(spec, mountPlaces, channel);
        Assembled zone = assemble(spec, places, parts);
        sendMessage(channel, "assembled", {std::string(zone::initKindName(zone.init.kind))},
                    {zone.console.master.get(), zone.notify.get()});
        zone.console.master.reset();
        confine(spec.capabilities,
                seccompFilter); // before the order comes, as compiling the filter takes the kernel a while
        const Message go = receiveMessage(channel, "go", 0, "the order to start init");
        makeOwnSecrets(zone.console.slave.get());
        executeInit(spec, zone, go.words);
    } catch (const sys::Error& error) {
        sendMessage(channel, "error", {error.action()}, {}, error.code());
    } catch (const std::exception& error) {
        sendMessage(channel, "error", {error.what()});
    }
    return 1;
}

} // namespace zoned::platform
