#include "sys/seccomp.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>
#include <vector>

#include "sys/error.hpp"
#include "sys/unique_fd.hpp"

// How a call is judged
//
//   on the list                        allowed
//   known to libseccomp, not listed    EPERM: somebody thought of it and said no
//   switchedOff                        ENOSYS, as on a kernel built without it, so that callers fall back
//   unknown, that is newer             ENOSYS, for the same reason: a new libc tries the new call first
//   x32, or any other architecture     ENOSYS
//
// The list follows the groups that systemd-nspawn allows (nspawn-seccomp.c),
// for the same kind of guest: a whole userland with its own init, which mounts,
// makes namespaces, installs filters of its own and reboots. What is missing
// acts on the whole host whatever the namespaces (time, modules, kexec, swap,
// quota, raw I/O, accounting), reaches past them (keyrings, open_by_handle_at)
// or has a long record of kernel holes (bpf, perf events, userfaultfd, io_uring).
//
// Each of those that people ask about was decided by itself:
//
//   bpf               EPERM   loads code into the kernel; delegated tokens do not change what its verifier is
//   perf_event_open   EPERM   counts and samples the whole machine's hardware; many holes
//   userfaultfd       ENOSYS  a zone's root has the capability, and it turns kernel races into sure ones
//   io_uring_*        ENOSYS  its operations pass this list and the address families below unseen
//   keyctl, add_key,  ENOSYS  keyrings know user namespaces by halves; runtimes (runc, crun) go on without
//   request_key               where they are absent, and give up where they are forbidden
//
// Sockets are made of a few families only: the others are code that hardly anybody uses, which knows no namespaces or
// has been a way out of containers (AF_ALG: CVE-2026-31431, a write into the shared page cache).
//
// libseccomp cannot both allow a call and refuse some of its arguments, except
// by comparing all 64 bits of an argument of which the kernel reads 32, which
// lets a caller past (CVE-2019-10063). Those few refusals are written out and
// put before its program.

namespace zoned::sys {

namespace {

/// Names, separated by spaces. Those that the installed libseccomp does not know yet are passed over; those of one
/// architecture only bind there.
struct Group {
    const char* purpose; ///< for the reader
    const char* calls;
};

constexpr std::array allowed = {
    Group{"files",
          "_llseek access chdir chmod close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 "
          "fadvise64 fadvise64_64 arm_fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fcntl fcntl64 "
          "fdatasync fgetxattr file_getattr file_setattr flistxattr flock fremovexattr fsetxattr fstat fstat64 "
          "fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr "
          "getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lgetxattr link linkat "
          "listxattr listxattrat llistxattr lremovexattr lseek lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat "
          "name_to_handle_at newfstatat oldfstat oldlstat oldstat open openat openat2 pipe pipe2 pread64 preadv "
          "preadv2 pwrite64 pwritev pwritev2 read readahead readdir readlink readlinkat readv removexattr "
          "removexattrat rename renameat renameat2 rmdir sendfile sendfile64 setxattr setxattrat splice stat stat64 "
          "statfs statfs64 statx symlink symlinkat sync sync_file_range sync_file_range2 arm_sync_file_range syncfs "
          "tee truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write "
          "writev cachestat"},
    Group{"owners", "chown chown32 fchown fchown32 fchownat lchown lchown32"},
    Group{"mounts and roots",
          "chroot fsconfig fsmount fsopen fspick listmount mount mount_setattr move_mount open_tree open_tree_attr "
          "pivot_root statmount umount umount2"},
    Group{"waiting for events, asynchronous I/O",
          "_newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
          "epoll_wait_old eventfd eventfd2 io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 "
          "io_setup io_submit poll ppoll ppoll_time64 pselect6 pselect6_time64 select"},
    Group{"processes, namespaces",
          "arch_prctl capget capset clone clone3 execve execveat exit exit_group fork get_thread_area getpgid "
          "getpgrp getpid getppid getsid gettid kcmp kill listns personality pidfd_getfd pidfd_open "
          "pidfd_send_signal prctl process_madvise process_mrelease process_vm_readv process_vm_writev ptrace rseq "
          "set_thread_area set_tid_address setns setpgid setsid tgkill tkill unshare vfork wait4 waitid waitpid "
          "set_tls get_tls breakpoint cacheflush"},
    Group{"identity",
          "getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32 "
          "getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups "
          "setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid "
          "setuid32"},
    Group{"signals",
          "pause restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn "
          "rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sgetmask sigaction sigaltstack "
          "signal signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend ssetmask"},
    Group{"memory",
          "brk get_mempolicy madvise map_shadow_stack mbind membarrier memfd_create memfd_secret migrate_pages "
          "mincore mlock mlock2 mlockall mmap mmap2 move_pages mprotect mremap mseal msync munlock munlockall "
          "munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages set_mempolicy set_mempolicy_home_node"},
    Group{"locks, messages between processes",
          "futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list ipc mq_getsetattr "
          "mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink "
          "msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 set_robust_list shmat "
          "shmctl shmdt shmget"},
    Group{"network",
          "accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg "
          "recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socket socketcall socketpair"},
    Group{"scheduling, limits",
          "getcpu getpriority getrlimit getrusage ioprio_get ioprio_set nice prlimit64 sched_get_priority_max "
          "sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler "
          "sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam "
          "sched_setscheduler sched_yield setpriority setrlimit times ugetrlimit"},
    Group{"reading clocks, timers",
          "alarm clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep "
          "clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create timer_delete "
          "timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create "
          "timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64"},
    Group{"the zone as a machine: names, terminals, its own reboot",
          "getrandom oldolduname olduname reboot setdomainname sethostname sysinfo uname vhangup"},
    Group{"confining itself further",
          "landlock_add_rule landlock_create_ruleset landlock_restrict_self lsm_get_self_attr lsm_list_modules "
          "lsm_set_self_attr seccomp"},
};

constexpr std::initializer_list<const char*> switchedOff = {
    "add_key", "io_uring_enter", "io_uring_register", "io_uring_setup", "keyctl", "request_key", "userfaultfd"};

/// What Debian's services are seen to use (packet: DHCP clients, arping, captures).
constexpr std::array<std::uint32_t, 5> families = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET};

struct Abi {
    std::uint32_t libseccomp; ///< SCMP_ARCH_...
    std::uint32_t audit;      ///< AUDIT_ARCH_..., what the kernel calls it in seccomp_data
    // The numbers that the kernel sees: for i386 libseccomp names a pseudo number, of the call inside socketcall.
    std::uint32_t socketCall;
    std::uint32_t socketpairCall;
    std::uint32_t ioctlCall;
    std::optional<std::uint32_t> socketcallCall; ///< the multiplexer of old
};

#if defined(__x86_64__)
constexpr std::array abis = {Abi{SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, 41, 53, 16, std::nullopt},
                             Abi{SCMP_ARCH_X86, AUDIT_ARCH_I386, 359, 360, 54, 102}};
#elif defined(__aarch64__)
constexpr std::array abis = {Abi{SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, 198, 199, 29, std::nullopt},
                             Abi{SCMP_ARCH_ARM, AUDIT_ARCH_ARM, 281, 288, 54, std::nullopt}};
#else
#error "the zones' system-call list is written for amd64 and arm64"
#endif

/// No call of these architectures has a number above, but for a few of 32-bit arm's own.
constexpr int lastNumber = 1023;

struct ReleaseContext {
    void operator()(scmp_filter_ctx context) const noexcept { seccomp_release(context); }
};
using Context = std::unique_ptr<void, ReleaseContext>;

/// libseccomp returns errno negated.
void require(int result, std::string_view action) {
    if (result < 0) {
        throw Error(std::string(action), -result);
    }
}

std::set<std::string> knownCalls() {
    std::set<std::string> names;
    for (const Abi& abi : abis) {
        for (int number = 0; number <= lastNumber; ++number) {
            const std::unique_ptr<char, decltype(&std::free)> name(
                seccomp_syscall_resolve_num_arch(abi.libseccomp, number), &std::free);
            if (name) {
                names.emplace(name.get());
            }
        }
    }
    return names;
}

void addRule(scmp_filter_ctx context, std::uint32_t action, const std::string& name) {
    // A call of another architecture gets a pseudo number here, which libseccomp resolves for each.
    const int number = seccomp_syscall_resolve_name(name.c_str());
    if (number == __NR_SCMP_ERROR) {
        return;
    }
    const int result = seccomp_rule_add(context, action, number, 0);
    if (result != -EEXIST) { // a part of a multiplexed call (socketcall, ipc) that is allowed as a whole
        require(result, join("listing the system call ", name));
    }
}

Context buildList() {
    Context context(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)));
    if (!context) {
        throw Error("starting a seccomp filter", ENOMEM);
    }
    for (const Abi& abi : abis) {
        const int result = seccomp_arch_add(context.get(), abi.libseccomp);
        if (result != -EEXIST) { // the native one is there already
            require(result, "adding an architecture to the seccomp filter");
        }
    }
    require(seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)),
            "setting what other architectures get");
    require(seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_NNP, 0), "leaving no_new_privs alone");
    // A binary tree over the numbers: a chain of 400 comparisons would be felt in each call.
    require(seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "ordering the seccomp filter");

    std::set<std::string> others = knownCalls();
    for (const Group& group : allowed) {
        std::istringstream calls(group.calls);
        for (std::string name; calls >> name;) {
            addRule(context.get(), SCMP_ACT_ALLOW, name);
            others.erase(name);
        }
    }
    for (const char* name : switchedOff) {
        others.erase(name); // ENOSYS is what the filter says by itself
    }
    for (const std::string& name : others) {
        addRule(context.get(), SCMP_ACT_ERRNO(EPERM), name);
    }
    return context;
}

/// A piece of classic BPF whose jumps lead forward to named places.
class Block {
public:
    enum Place { ahead, family, netlink, socketcall, noCall, ioctlCall, forbidden, end, places };

    void load(std::size_t offset) { add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset))); }
    /// The half of an argument that the kernel reads as an int; every architecture here is little-endian.
    void loadArgument(std::size_t number) { load(offsetof(seccomp_data, args) + number * sizeof(std::uint64_t)); }
    void ifEqual(std::uint32_t value, Place yes, Place otherwise = ahead) {
        jumps_.push_back({code_.size(), yes, otherwise});
        add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 0));
    }
    void refuse(std::uint32_t code) { add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code)); }
    void here(Place place) { at_[place] = code_.size(); }

    [[nodiscard]] std::vector<sock_filter> finish() {
        const auto distance = [this](const Jump& jump, Place to) {
            return static_cast<std::uint8_t>(to == ahead ? 0 : at_[to] - jump.from - 1);
        };
        for (const Jump& jump : jumps_) {
            code_[jump.from].jt = distance(jump, jump.yes);
            code_[jump.from].jf = distance(jump, jump.otherwise);
        }
        return code_;
    }

private:
    struct Jump {
        std::size_t from;
        Place yes;
        Place otherwise;
    };
    void add(sock_filter instruction) { code_.push_back(instruction); }

    std::vector<sock_filter> code_;
    std::vector<Jump> jumps_;
    std::array<std::size_t, places> at_{};
};

/// Refuses arguments, of one architecture; whatever it does not refuse runs on behind it.
///
/// Of netlink the audit socket is refused, as on a kernel without audit, since a namespaced daemon only stumbles over
/// it. TIOCSTI and TIOCLINUX put words into the mouth of whoever else reads the terminal. i386's socketcall has its
/// arguments in memory, where no filter looks: a door past the families. What makes sockets by it is refused, whatever
/// the family; there are direct calls since Linux 4.3.
std::vector<sock_filter> refusals(const Abi& abi) {
    constexpr std::uint32_t socketOfSocketcall = 1; // <linux/net.h>, SYS_SOCKET and SYS_SOCKETPAIR
    constexpr std::uint32_t socketpairOfSocketcall = 8;
    Block block;
    block.load(offsetof(seccomp_data, arch));
    block.ifEqual(abi.audit, Block::ahead, Block::end);
    block.load(offsetof(seccomp_data, nr));
    block.ifEqual(abi.socketCall, Block::family);
    block.ifEqual(abi.socketpairCall, Block::family);
    if (abi.socketcallCall) {
        block.ifEqual(*abi.socketcallCall, Block::socketcall);
    }
    block.ifEqual(abi.ioctlCall, Block::ioctlCall, Block::end);
    block.here(Block::family);
    block.loadArgument(0);
    for (const std::uint32_t family : families) {
        block.ifEqual(family, family == AF_NETLINK ? Block::netlink : Block::end);
    }
    block.refuse(EAFNOSUPPORT);
    block.here(Block::netlink);
    block.loadArgument(2);
    block.ifEqual(NETLINK_AUDIT, Block::ahead, Block::end);
    block.refuse(EAFNOSUPPORT);
    block.here(Block::socketcall);
    block.loadArgument(0);
    block.ifEqual(socketOfSocketcall, Block::noCall);
    block.ifEqual(socketpairOfSocketcall, Block::noCall, Block::end);
    block.here(Block::noCall);
    block.refuse(ENOSYS);
    block.here(Block::ioctlCall);
    block.loadArgument(1);
    block.ifEqual(TIOCSTI, Block::forbidden);
    block.ifEqual(TIOCLINUX, Block::forbidden, Block::end);
    block.here(Block::forbidden);
    block.refuse(EPERM);
    block.here(Block::end);
    return block.finish();
}

std::string exportProgram(scmp_filter_ctx context) {
    // libseccomp 2.5 only writes to a file.
    const UniqueFd file(check(memfd_create("seccomp", MFD_CLOEXEC), "making room for the seccomp filter"));
    require(seccomp_export_bpf(context, file.get()), "compiling the seccomp filter");
    const off_t size = check(lseek(file.get(), 0, SEEK_END), "measuring the seccomp filter");
    std::string program(static_cast<std::size_t>(size), '\0');
    if (check(pread(file.get(), program.data(), program.size(), 0), "reading the seccomp filter") != size) {
        throw Error("reading the seccomp filter", EIO);
    }
    return program;
}

} // namespace

std::string compileZoneFilter() {
    std::string program;
    for (const Abi& abi : abis) {
        const std::vector<sock_filter> code = refusals(abi);
        program.append(reinterpret_cast<const char*>(code.data()), code.size() * sizeof(sock_filter));
    }
    program += exportProgram(buildList().get());
    return program;
}

} // namespace zoned::sys
