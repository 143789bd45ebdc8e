// The floor under a zone's boot: a small C program that makes the same kernel objects as zoned's supervisor does, with
// nothing else around them, and executes a static init. What zoned takes beyond this is its own.
//
//   floor IMAGE LAYER CGROUP BRIDGE ADDRESS/PREFIX GATEWAY IDBASE [keep]
//
// IMAGE is a root file system with /sbin/init (stamp_init.c), LAYER a folder with upper/ and work/ on a file system
// that takes id-mapped mounts, CGROUP a cgroup v2 folder to make the zone's in. Every line of standard input is a
// round: it makes all of it, waits for init, which ends at once, and takes it away. Prints for every round the
// nanoseconds of the monotonic clock at its beginning, at the first instruction of init, and at the end of everything.
//
// With "keep" nothing is taken away before the end of the input: inits stay, each round has LAYER/0, LAYER/1 and so on,
// the addresses follow on ADDRESS, and the lines come at the end; the third time is then that at which init was let go.
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "floor_net.h"

static struct {
    const char* image;
    const char* layer;
    const char* cgroup;
    int bridge;
    struct address address;
    uint32_t gateway;
    unsigned int idBase;
    bool keep;
} plan;

_Noreturn void fail(const char* what) {
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    _exit(1);
}

static int need(long result, const char* what) {
    if (result < 0) {
        fail(what);
    }
    return (int)result;
}

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (long long)time.tv_sec * 1000000000LL + time.tv_nsec;
}

typedef char path_t[4096];

__attribute__((format(printf, 2, 3))) static const char* compose(path_t path, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(path, sizeof(path_t), format, arguments);
    va_end(arguments);
    errno = ENAMETOOLONG;
    return size < 0 || (size_t)size >= sizeof(path_t) ? (fail("a path"), path) : path;
}

// --- descriptors between parent and child

static void sendFds(int socket, const int* fds, size_t count) {
    char byte = 'x';
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(8 * sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    }
    need(sendmsg(socket, &message, MSG_NOSIGNAL), "telling the other side");
}

static void receiveFds(int socket, int* fds, size_t count) {
    char byte;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(8 * sizeof(int))];
    } control;
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    errno = EPIPE;
    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1) {
        fail("hearing from the other side");
    }
    if (count > 0) {
        const struct cmsghdr* header = CMSG_FIRSTHDR(&message);
        errno = EBADMSG;
        if (header == NULL || header->cmsg_len != CMSG_LEN(count * sizeof(int))) {
            fail("descriptors from the other side");
        }
        memcpy(fds, CMSG_DATA(header), count * sizeof(int));
    }
}

// --- the child: the zone's mounts, in its own namespaces

static int newFilesystem(const char* type) {
    return need(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC), type);
}

static void setString(int fs, const char* key, const char* value) {
    need(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0), key);
}

static int mountOf(int fs, unsigned int attributes) {
    need(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "creating a file system");
    const int made = need(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes), "fsmount");
    close(fs);
    return made;
}

static void attach(int mount, const char* target) {
    need(syscall(SYS_move_mount, mount, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH), target);
    close(mount);
}

static void mountRoot(int image, int layer) {
    need(mount("tmpfs", plan.layer, "tmpfs", 0, "mode=700"), "scratch folder");
    need(chdir(plan.layer), plan.layer);
    need(mkdir("image", 0700) | mkdir("layer", 0700) | mkdir("root", 0700), "scratch folders");
    attach(image, "image");
    attach(layer, "layer");
    const int overlay = newFilesystem("overlay");
    setString(overlay, "lowerdir", "image");
    setString(overlay, "upperdir", "layer/upper");
    setString(overlay, "workdir", "layer/work");
    need(syscall(SYS_fsconfig, overlay, FSCONFIG_SET_FLAG, "userxattr", NULL, 0), "userxattr");
    attach(mountOf(overlay, 0), "root");
    need(chdir("root"), "the root");
}

static void mountSystem(int dev) {
    struct mount_attr readOnly = {.attr_set = MOUNT_ATTR_RDONLY};
    attach(mountOf(newFilesystem("proc"), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV), "proc");
    attach(mountOf(newFilesystem("sysfs"), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV), "sys");
    attach(mountOf(newFilesystem("cgroup2"), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV),
           "sys/fs/cgroup");
    need(syscall(SYS_mount_setattr, AT_FDCWD, "sys", 0, &readOnly, sizeof readOnly), "read-only /sys");
    attach(dev, "dev");
    const int pts = newFilesystem("devpts");
    setString(pts, "mode", "620");
    setString(pts, "gid", "5");
    setString(pts, "ptmxmode", "666");
    attach(mountOf(pts, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), "dev/pts");
    attach(mountOf(newFilesystem("tmpfs"), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV), "dev/shm");
    attach(mountOf(newFilesystem("tmpfs"), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV), "run");
}

static int openConsole(int parent) {
    const int master = need(open("dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), "ptmx");
    int unlock = 0;
    need(ioctl(master, TIOCSPTLCK, &unlock), "unlocking the console");
    const int slave = need(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC), "the console's slave");
    need(mount("dev/pts/0", "dev/console", NULL, MS_BIND, NULL), "dev/console");
    sendFds(parent, &master, 1);
    close(master);
    return slave;
}

_Noreturn static void runChild(int parent) {
    int mounts[3]; // image, layer, dev
    receiveFds(parent, mounts, 3);
    need(setgroups(0, NULL), "setgroups");
    need(setresgid(0, 0, 0), "setresgid");
    need(setresuid(0, 0, 0), "setresuid");
    need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
    mountRoot(mounts[0], mounts[1]);
    mountSystem(mounts[2]);
    const int console = openConsole(parent);
    need(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    need(umount2(".", MNT_DETACH), "leaving the old root");
    need(chdir("/"), "/");
    receiveFds(parent, NULL, 0); // the network is there
    need(sethostname("floor", 5), "sethostname");
    need(setsid(), "setsid");
    need(dup2(console, 0) | dup2(console, 1) | dup2(console, 2), "console");
    need(ioctl(0, TIOCSCTTY, 0), "controlling terminal");
    for (int capability = 16; capability <= 22; ++capability) { // some of the bounding set, as a zone drops it
        prctl(PR_CAPBSET_DROP, capability);
    }
    char* const argv[] = {"/sbin/init", plan.keep ? NULL : "exit", NULL};
    char* const environment[] = {"container=zones", "TERM=dumb", NULL};
    execve(argv[0], argv, environment);
    fail("init");
}

// --- the parent

static void writeFile(const char* folder, const char* name, const char* text) {
    path_t path;
    compose(path, "%s/%s", folder, name);
    const int file = need(open(path, O_WRONLY | O_CLOEXEC), path);
    need(write(file, text, strlen(text)), path);
    close(file);
}

static void makeCgroup(path_t zone, path_t payload, unsigned int round) {
    static const char* const delegated[] = {"", "/cgroup.procs", "/cgroup.threads", "/cgroup.subtree_control"};
    path_t path;
    need(mkdir(compose(zone, "%s/floor-%u", plan.cgroup, round), 0755), zone);
    need(mkdir(compose(payload, "%s/payload", zone), 0755), payload);
    for (size_t i = 0; i < sizeof delegated / sizeof *delegated; ++i) {
        need(chown(compose(path, "%s%s", payload, delegated[i]), plan.idBase, plan.idBase), path);
    }
}

static int mappedCopy(const char* folder, int userns) {
    const int copy = need(syscall(SYS_open_tree, AT_FDCWD, folder, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), folder);
    struct mount_attr map = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned int)userns};
    need(syscall(SYS_mount_setattr, copy, "", AT_EMPTY_PATH, &map, sizeof map), "id-mapped mount");
    return copy;
}

static int makeDevices(void) {
    static const struct {
        const char* name;
        unsigned int major, minor;
    } nodes[] = {{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
    char id[16];
    const int tmpfs = newFilesystem("tmpfs");
    snprintf(id, sizeof id, "%u", plan.idBase);
    setString(tmpfs, "uid", id);
    setString(tmpfs, "gid", id);
    setString(tmpfs, "mode", "755");
    const int dev = mountOf(tmpfs, MOUNT_ATTR_NOSUID);
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; ++i) {
        need(mknodat(dev, nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)), nodes[i].name);
    }
    need(mkdirat(dev, "pts", 0755) | mkdirat(dev, "shm", 01777), "folders of /dev");
    const int console = need(openat(dev, "console", O_CREAT | O_WRONLY | O_CLOEXEC, 0600), "console");
    close(console);
    return dev;
}

static pid_t cloneChild(int cgroup, int* pidfd) {
    struct clone_args request = {.flags = CLONE_PIDFD | CLONE_INTO_CGROUP | CLONE_CLEAR_SIGHAND | CLONE_NEWNS |
                                          CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUSER |
                                          CLONE_NEWCGROUP,
                                 .pidfd = (unsigned long long)(unsigned long)pidfd,
                                 .exit_signal = SIGCHLD,
                                 .cgroup = (unsigned long long)cgroup};
    return need(syscall(SYS_clone3, &request, sizeof request), "clone3");
}

static int openNamespace(pid_t pid, const char* name) {
    path_t path;
    return need(open(compose(path, "/proc/%d/ns/%s", pid, name), O_RDONLY | O_CLOEXEC), path);
}

static void setUpNetwork(int netns, int ownNetns, int netlink, unsigned int round) {
    char name[IFNAMSIZ];
    snprintf(name, sizeof name, "fl%x-%x", (unsigned int)getpid() & 0xFFFFF, round);
    makeVeth(netlink, name, plan.bridge, netns);
    need(setns(netns, CLONE_NEWNET), "entering the network namespace");
    const int inside = openNetlink();
    configureInterface(inside, plan.address, plan.gateway);
    need(setns(ownNetns, CLONE_NEWNET), "leaving the network namespace");
    close(inside);
}

// A zone that was made, and what there is to be taken away of it.
struct round {
    path_t layer;
    path_t zone;
    path_t payload;
    pid_t child;
    int open[9];
    long long begin;
    long long end;
};

static long long readStamp(const char* layer) {
    path_t path;
    char text[64] = "";
    compose(path, "%s/upper/started", layer);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    while (file < 0 && errno == ENOENT && plan.keep) { // nobody waited for this init
        usleep(1000);
        file = open(path, O_RDONLY | O_CLOEXEC);
    }
    need(file, path);
    need(read(file, text, sizeof text - 1), path);
    close(file);
    need(unlink(path), path);
    return atoll(text);
}

static void makeZone(struct round* round, int ownNetns, int netlink, unsigned int number) {
    round->begin = now();
    path_t proc;
    char map[64];
    makeCgroup(round->zone, round->payload, number);
    const int cgroup = need(open(round->payload, O_PATH | O_DIRECTORY | O_CLOEXEC), round->payload);
    int sockets[2];
    need(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), "socketpair");
    int pidfd = -1;
    round->child = cloneChild(cgroup, &pidfd);
    if (round->child == 0) {
        close(sockets[0]);
        runChild(sockets[1]);
    }
    close(sockets[1]);
    compose(proc, "/proc/%d", round->child);
    snprintf(map, sizeof map, "0 %u 65536", plan.idBase);
    writeFile(proc, "uid_map", map);
    writeFile(proc, "gid_map", map);
    const int userns = openNamespace(round->child, "user");
    const int mounts[3] = {mappedCopy(plan.image, userns), mappedCopy(plan.layer, userns), makeDevices()};
    sendFds(sockets[0], mounts, 3);
    const int netns = openNamespace(round->child, "net");
    setUpNetwork(netns, ownNetns, netlink, number);
    int console = -1;
    receiveFds(sockets[0], &console, 1);
    sendFds(sockets[0], NULL, 0);
    const int open[] = {console, netns, userns, mounts[0], mounts[1], mounts[2], pidfd, sockets[0], cgroup};
    memcpy(round->open, open, sizeof open);
    round->end = now();
}

static void takeAway(struct round* round) {
    int status = 0;
    need(waitpid(round->child, &status, 0), "waitpid");
    errno = ECHILD;
    if (!plan.keep && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
        fail("init did not end well");
    }
    for (size_t i = 0; i < sizeof round->open / sizeof *round->open; ++i) {
        close(round->open[i]);
    }
    need(rmdir(round->payload), round->payload);
    need(rmdir(round->zone), round->zone);
}

static void report(const struct round* round) {
    printf("%lld %lld %lld\n", round->begin, readStamp(round->layer), round->end);
}

static bool lineComes(void) {
    int character;
    do {
        character = getchar();
    } while (character != EOF && character != '\n');
    return character != EOF;
}

static void oneByOne(const char* layer, int ownNetns, int netlink) {
    static struct round round;
    compose(round.layer, "%s", layer);
    for (unsigned int number = 0; lineComes(); ++number) {
        makeZone(&round, ownNetns, netlink, number);
        takeAway(&round);
        round.end = now();
        report(&round);
    }
}

static void keepAll(const char* layers, int ownNetns, int netlink) {
    struct round* kept = NULL;
    unsigned int count = 0;
    for (; lineComes(); ++count) {
        kept = realloc(kept, (count + 1) * sizeof *kept);
        if (kept == NULL) {
            fail("memory");
        }
        plan.layer = compose(kept[count].layer, "%s/%u", layers, count);
        makeZone(&kept[count], ownNetns, netlink, count);
        plan.address.host = htonl(ntohl(plan.address.host) + 1);
    }
    for (unsigned int i = 0; i < count; ++i) {
        report(&kept[i]);
        kill(kept[i].child, SIGKILL);
        takeAway(&kept[i]);
    }
    free(kept);
}

static void readPlan(int argc, char** argv) {
    if (argc != 8 && !(argc == 9 && strcmp(argv[8], "keep") == 0)) {
        fprintf(stderr, "usage: floor IMAGE LAYER CGROUP BRIDGE ADDRESS/PREFIX GATEWAY IDBASE [keep]\n");
        exit(2);
    }
    plan.image = argv[1];
    plan.layer = argv[2];
    plan.cgroup = argv[3];
    plan.bridge = (int)if_nametoindex(argv[4]);
    char* slash = strchr(argv[5], '/');
    errno = EINVAL;
    if (plan.bridge == 0 || slash == NULL) {
        fail("no such bridge, or no prefix");
    }
    *slash = '\0';
    plan.address.prefix = (unsigned char)atoi(slash + 1);
    if (inet_pton(AF_INET, argv[5], &plan.address.host) != 1 || inet_pton(AF_INET, argv[6], &plan.gateway) != 1) {
        fail("address or gateway");
    }
    plan.idBase = (unsigned int)strtoul(argv[7], NULL, 10);
    plan.keep = argc == 9;
}

int main(int argc, char** argv) {
    readPlan(argc, argv);
    const int ownNetns = need(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "own network namespace");
    const int netlink = openNetlink();
    setvbuf(stdout, NULL, _IOLBF, 0);
    (plan.keep ? keepAll : oneByOne)(argv[2], ownNetns, netlink);
    return 0;
}
