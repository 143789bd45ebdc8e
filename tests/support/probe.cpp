// Tries, inside a zone, what a zone must not be able to do. Prints "ok" where
// the kernel let it, else the errno's name; one word, so that a test can compare.
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/keyctl.h>
#include <linux/vm_sockets.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace {

using Arguments = std::vector<std::string>;

long syscallByNumber(const Arguments& words) {
    long value[6] = {};
    for (std::size_t i = 1; i < words.size() && i <= 6; ++i) {
        value[i - 1] = std::strtol(words[i].c_str(), nullptr, 0);
    }
    return syscall(std::strtol(words[0].c_str(), nullptr, 0), value[0], value[1], value[2], value[3], value[4],
                   value[5]);
}

/// Passes the only descriptor of a TCP socket to a notification socket: one that would linger for an hour when closed,
/// because nobody reads what was sent.
long sendLingering(const Arguments& words) {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
        return -1;
    }
    const int passed = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(passed, reinterpret_cast<sockaddr*>(&address), length) != 0) {
        return -1;
    }
    if (fork() == 0) { // the reader that does not read
        close(passed);
        for (const int fd : {0, 1, 2}) {
            close(fd);
        }
        sleep(3600);
        _exit(0);
    }
    const std::vector<char> flood(1 << 16);
    while (send(passed, flood.data(), flood.size(), MSG_DONTWAIT) > 0) {
    }
    const linger hour{1, 3600};
    setsockopt(passed, SOL_SOCKET, SO_LINGER, &hour, sizeof hour);
    sockaddr_un target{};
    target.sun_family = AF_UNIX;
    std::strncpy(target.sun_path, words[0].c_str(), sizeof target.sun_path - 1);
    char text[] = "STATUS=x";
    iovec part{text, sizeof text - 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_name = &target;
    message.msg_namelen = sizeof target;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
    const long sent = sendmsg(socket(AF_UNIX, SOCK_DGRAM, 0), &message, 0);
    if (sent < 0) {
        // a socket of ours that lingers would keep this program
        const linger off{};
        setsockopt(passed, SOL_SOCKET, SO_LINGER, &off, sizeof off);
    }
    return sent;
}

#ifdef __x86_64__
/// The same kernel through the i386 table; all pointers are null, which is enough to tell ENOSYS/EPERM from EFAULT.
long syscallByInt80(const Arguments& words) {
    long result = std::strtol(words[0].c_str(), nullptr, 0);
    asm volatile("int $0x80"
                 : "+a"(result)
                 : "b"(0), "c"(0), "d"(0), "S"(0), "D"(0)
                 : "memory", "r8", "r9", "r10", "r11");
    const int narrow = static_cast<int>(result);
    if (narrow < 0 && narrow > -4096) {
        errno = -narrow;
        return -1;
    }
    return narrow;
}
#endif

long node(const Arguments& words) {
    const mode_t type = words[1] == "b" ? S_IFBLK : S_IFCHR;
    return mknod(words[0].c_str(), type | 0600,
                 makedev(static_cast<unsigned>(std::stoul(words[2])), static_cast<unsigned>(std::stoul(words[3]))));
}

/// Opens a file by a handle made up from an inode number (the "shocker" attack).
long byHandle(const Arguments& words) {
    union {
        file_handle head;
        char room[sizeof(file_handle) + 8];
    } handle{};
    handle.head.handle_bytes = 8;
    handle.head.handle_type = 1; // FILEID_INO32_GEN
    const std::uint32_t inode = static_cast<std::uint32_t>(std::stoul(words[1]));
    std::memcpy(handle.head.f_handle, &inode, sizeof inode);
    const int place = open(words[0].c_str(), O_RDONLY | O_DIRECTORY);
    if (place < 0) {
        return -1;
    }
    const int flags = words.size() > 2 && words[2] == "directory" ? O_RDONLY | O_DIRECTORY : O_RDONLY;
    return static_cast<long>(open_by_handle_at(place, &handle.head, flags));
}

long connectAbstract(const Arguments& words) {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, words[0].data(), words[0].size());
    return connect(fd, reinterpret_cast<sockaddr*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + words[0].size()));
}

long connectVsock(const Arguments&) {
    const int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
    if (fd < 0) {
        return -1;
    }
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = VMADDR_CID_HOST;
    address.svm_port = 22;
    return connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
}

long setClock(const Arguments&) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return clock_settime(CLOCK_REALTIME, &now);
}

long adjustClock(const Arguments&) {
    timex change{};
    change.modes = ADJ_TICK;
    change.tick = 10000;
    return adjtimex(&change);
}

long injectInput(const Arguments& words) {
    for (const char letter : words[0]) {
        if (ioctl(0, TIOCSTI, &letter) != 0) {
            return -1;
        }
    }
    return 0;
}

long kernelLog(const Arguments&) {
    char room[64];
    return klogctl(3, room, sizeof room);
}

long overlayMount(const Arguments& words) {
    return mount(words[0].c_str(), words[1].c_str(), words[2].c_str(), 0, words.size() > 3 ? words[3].c_str() : "");
}

long remount(const Arguments& words) {
    return mount(nullptr, words[0].c_str(), nullptr, MS_REMOUNT | MS_BIND, nullptr);
}

/// The serial number of the session keyring; 0 where the zone may not ask.
long keyring(const Arguments&) {
    const long serial = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
    if (serial > 0) {
        std::printf("%ld ", serial);
    }
    return serial;
}

/// Takes inotify instances, as many as it is told or can get, says how many, and leaves a process that keeps them.
long takeInotify(const Arguments& words) {
    const long most = std::stol(words[0]);
    long taken = 0;
    while (taken < most && inotify_init1(IN_CLOEXEC) >= 0) {
        ++taken;
    }
    if (fork() == 0) {
        for (const int fd : {0, 1, 2}) {
            close(fd);
        }
        pause();
        _exit(0);
    }
    std::printf("%ld ", taken);
    return taken;
}

/// Makes POSIX message queues, as many as it gets, and says how many; they stay.
long makeQueues(const Arguments& words) {
    mq_attr attributes{};
    attributes.mq_maxmsg = 10;
    attributes.mq_msgsize = 8192;
    long made = 0;
    while (made < 100 && mq_open(("/" + words[0] + std::to_string(made)).c_str(), O_CREAT | O_EXCL | O_RDWR, 0600,
                                 &attributes) >= 0) {
        ++made;
    }
    std::printf("%ld ", made);
    return made;
}

/// As an init that says READY=1 without end.
long floodReady(const Arguments&) {
    const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, "/run/host/notify");
    for (;;) {
        sendto(fd, "READY=1", 7, 0, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
}

/// Traces whatever appears in the zone, until it meets a process that has not executed its program yet: one that still
/// is the supervisor's. "ok" then, or ESRCH after so many seconds without.
long seizeVisitors(const Arguments& words) {
    const time_t end = time(nullptr) + std::stol(words[0]);
    pid_t next = getpid() + 1;
    while (time(nullptr) < end) {
        for (pid_t pid = next; pid < next + 16; ++pid) {
            if (ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0) {
                next = errno == EPERM ? pid : next; // there, but not ours to trace
                continue;
            }
            next = pid + 1;
            char name[32] = {};
            const int comm = open(("/proc/" + std::to_string(pid) + "/comm").c_str(), O_RDONLY);
            const bool visitor =
                read(comm, name, sizeof name - 1) > 0 && std::strstr(name, "zone-supervisor") != nullptr;
            close(comm);
            if (visitor) {
                return 0; // our end lets it go
            }
            ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr);
            waitpid(pid, nullptr, __WALL);
            ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
            break;
        }
    }
    errno = ESRCH;
    return -1;
}

/// Mounts a file system at a folder that never answers anything.
long mountDeaf(const Arguments& words) {
    const int fuse = open("/dev/fuse", O_RDWR);
    if (fuse < 0) {
        return -1;
    }
    const std::string options = "fd=" + std::to_string(fuse) + ",rootmode=40000,user_id=0,group_id=0";
    if (mount("deaf", words[0].c_str(), "fuse", 0, options.c_str()) != 0) {
        return -1;
    }
    std::puts("mounted");
    std::fflush(stdout);
    pause();
    return 0;
}

/// Takes terminals until none is left, and holds them.
long takeTerminals(const Arguments&) {
    rlimit most{1 << 16, 1 << 16};
    setrlimit(RLIMIT_NOFILE, &most);
    int count = 0;
    while (open("/dev/ptmx", O_RDWR | O_NOCTTY) >= 0) {
        ++count;
    }
    std::printf("%d %s\n", count, strerrorname_np(errno));
    std::fflush(stdout);
    pause();
    return 0;
}

const std::map<std::string, std::function<long(const Arguments&)>> attempts{
    {"seize", seizeVisitors},
    {"mount-deaf", mountDeaf},
    {"take-terminals", takeTerminals},
    {"socket",
     [](const Arguments& w) { return static_cast<long>(socket(std::stoi(w[0]), std::stoi(w[1]), std::stoi(w[2]))); }},
    {"syscall", syscallByNumber},
#ifdef __x86_64__
    {"int80", syscallByInt80},
#endif
    {"mknod", node},
    {"handle", byHandle},
    {"abstract", connectAbstract},
    {"vsock", connectVsock},
    {"settime", setClock},
    {"adjtime", adjustClock},
    {"sti", injectInput},
    {"klog", kernelLog},
    {"mount", overlayMount},
    {"remount", remount},
    {"keyring", keyring},
    {"queues", makeQueues},
    {"open", [](const Arguments& w) { return static_cast<long>(open(w[0].c_str(), O_RDONLY | O_NONBLOCK)); }},
    {"write",
     [](const Arguments& w) {
         const int fd = open(w[0].c_str(), O_WRONLY);
         return fd < 0 ? -1L : static_cast<long>(write(fd, w[1].data(), w[1].size()));
     }},
    {"kill", [](const Arguments& w) { return static_cast<long>(kill(std::stoi(w[0]), 0)); }},
    {"audit", [](const Arguments&) { return static_cast<long>(socket(AF_NETLINK, SOCK_RAW, 9)); }},
    {"inotify", takeInotify},
    {"linger", sendLingering},
    {"flood-ready", floodReady},
    {"domainname", [](const Arguments&) { return static_cast<long>(setdomainname("probe", 5)); }},
    {"unshare", [](const Arguments& w) { return static_cast<long>(unshare(std::stoi(w[0], nullptr, 0))); }},
};

} // namespace

int main(int count, char** values) {
    const Arguments words(values + 1, values + count);
    if (words.empty() || !attempts.contains(words[0])) {
        std::puts("unknown attempt");
        return 2;
    }
    errno = 0;
    const long result = attempts.at(words[0])(Arguments(words.begin() + 1, words.end()));
    std::puts(result < 0 ? strerrorname_np(errno) : "ok");
    return 0;
}
