#include "sys/process.hpp"

#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>

#include "sys/error.hpp"

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
#ifdef __x86_64__
    if (options.borrow) {
        args.flags |= CLONE_VM | CLONE_VFORK;
        const long pid = cloneBorrowing(args, body);
        if (pid < 0) {
            throw Error("starting a process (clone3)", static_cast<int>(-pid));
        }
        return Child{static_cast<pid_t>(pid), UniqueFd(pidfd)};
    }
#endif
    const long pid = ::syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0) {
        runChild(body);
    }
    check(pid, "starting a process (clone3)");
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

void joinNewSessionKeyring() {
    if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS) {
        throwErrno("joining a new session keyring");
    }
}

} // namespace zoned::sys
