#include "sys/process.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::sys {

namespace {

[[noreturn]] void runChild(const std::function<int()>& body) {
    int status = 127;
    try {
        status = body();
    } catch (...) {
        // the body reports its own faults; nothing may unwind into the parent's copy of the stack
    }
    ::_exit(status);
}

/// Puts all permitted capabilities into effect, which a change of the effective user id has undone.
void raisePermitted() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
    check(::syscall(SYS_capget, &header, sets.data()), "reading the capabilities");
    for (__user_cap_data_struct& set : sets) {
        set.effective = set.permitted;
    }
    check(::syscall(SYS_capset, &header, sets.data()), "putting the capabilities into effect");
}

/// While it lives, what the caller makes is made by another user, and the caller is root in all else. The kernel asks
/// the effective user id alone whom a namespace belongs to (create_user_ns, inc_ucount). Root's stay the real and saved
/// id, so that no process of that user may signal or trace the caller (kill(2), ptrace(2)), the id that files are
/// looked at with, the capabilities, and the limit on processes (enforced_nproc_rlimit asks the real id).
class ActingOwner {
public:
    explicit ActingOwner(uid_t owner) : dumpable_(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1) {
        check(::setresuid(keep, owner, keep), "taking the user id ", owner, " for what is made");
        ::setfsuid(0);
        raisePermitted();
        // each of these has set it to fs.suid_dumpable; a child that is made now has it from here
        check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "keeping the process from being traced");
    }
    ActingOwner(const ActingOwner&) = delete;
    ActingOwner& operator=(const ActingOwner&) = delete;
    ~ActingOwner() {
        // the file system id and the effective capabilities come back with it
        if (::setresuid(keep, 0, keep) < 0 || ::prctl(PR_SET_DUMPABLE, dumpable_ ? 1 : 0, 0, 0, 0) < 0) {
            std::abort(); // all that follows would be done as somebody else
        }
    }

private:
    static constexpr uid_t keep = static_cast<uid_t>(-1);
    bool dumpable_;
};

[[noreturn]] void throwCloneError(const CloneOptions& options, int code) {
    if (code == ENOSPC && options.flags != 0) {
        throw Error(join("starting a process in namespaces of its own: user ", options.owner.value_or(::geteuid()),
                         " has as many as the kernel lets a user have (sysctl user.max_user_namespaces and its like), "
                         "or they are nested too deep"),
                    code);
    }
    if (code == EAGAIN) {
        throw Error("starting a process (clone3): there are as many as the kernel lets be (sysctl kernel.pid_max and "
                    "kernel.threads-max, which all zones and the host share, or pids.max of a cgroup)",
                    code);
    }
    throw Error("starting a process (clone3)", code);
}

#ifdef __x86_64__
/// As vfork(2): the child runs on the caller's stack, below this frame, until it executes a program. So the system call
/// must be made right here (from a function that returns, as syscall(3), the child would overwrite its return address),
/// and nothing else may happen in this frame. Negative: an error number.
[[gnu::noinline]] long cloneBorrowing(clone_args& args, const std::function<int()>& body) {
    long pid = SYS_clone3;
    asm volatile("syscall" : "+a"(pid) : "D"(&args), "S"(sizeof args) : "rcx", "r11", "memory");
    if (pid == 0) {
        runChild(body);
    }
    return pid;
}
#endif

} // namespace

Child cloneProcess(const CloneOptions& options, const std::function<int()>& body) {
    int pidfd = -1;
    clone_args args{};
    args.flags = options.flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND;
    args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    // with CLONE_PARENT the kernel takes the exit signal of the caller and wants none here
    args.exit_signal = (options.flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD;
    if (options.cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = static_cast<std::uint64_t>(options.cgroup);
    }
    std::optional<ActingOwner> owner;
    if (options.owner) {
        owner.emplace(*options.owner);
    }
#ifdef __x86_64__
    if (options.borrow) {
        args.flags |= CLONE_VM | CLONE_VFORK;
        const long pid = cloneBorrowing(args, body);
        if (pid < 0) {
            throwCloneError(options, static_cast<int>(-pid));
        }
        return Child{static_cast<pid_t>(pid), UniqueFd(pidfd)};
    }
#endif
    const long pid = ::syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0) {
        runChild(body);
    }
    if (pid < 0) {
        throwCloneError(options, errno);
    }
    return Child{static_cast<pid_t>(pid), UniqueFd(pidfd)};
}

UniqueFd openPidfd(pid_t pid) {
    return UniqueFd(static_cast<int>(check(::syscall(SYS_pidfd_open, pid, 0), "opening a pidfd of process ", pid)));
}

bool signalProcess(int pidfd, int signal) {
    if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0) {
        return true;
    }
    if (errno == ESRCH) {
        return false;
    }
    throwErrno("sending signal ", signal);
}

std::string describeExit(int status) {
    if (WIFEXITED(status)) {
        return join("exited with status ", WEXITSTATUS(status));
    }
    const int signal = WTERMSIG(status);
    const char* name = ::sigdescr_np(signal);
    return join("was killed by signal ", signal, " (", name != nullptr ? name : "unknown", ")");
}

int waitForChild(pid_t pid) {
    int status = -1;
    while (::waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return status;
}

void resetSignals() {
    for (int signal = 1; signal < NSIG; ++signal) {
        if (signal != SIGKILL && signal != SIGSTOP) {
            (void)::signal(signal, SIG_DFL);
        }
    }
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void resetSignalsAndUmask() {
    resetSignals();
    ::umask(022);
}

void closeOnExecFrom(int first) {
    check(::close_range(static_cast<unsigned>(first), ~0U, CLOSE_RANGE_CLOEXEC),
          "marking the inherited descriptors close-on-exec");
}

void forbidTracing() {
    check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "protecting a process from being traced");
}

void leaveStreams() {
    const UniqueFd null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; ++fd) {
        check(::dup2(null.get(), fd), "leaving the inherited streams");
    }
}

void joinNewSessionKeyring() {
    if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS) {
        throwErrno("joining a new session keyring");
    }
}

} // namespace zoned::sys
