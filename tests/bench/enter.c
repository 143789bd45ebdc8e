// The floor under exec: enters the namespaces of a process, as a child in its cgroup, and executes a program there.
//
//   enter PID CGROUP PROGRAM [ARG…]        CGROUP: the folder of the cgroup, as seen here
//
// It takes no seccomp filter, drops no capability and makes no session; what exec takes beyond this is its own.
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int need(long result, const char* what) {
    if (result < 0) {
        fprintf(stderr, "enter: %s: %s\n", what, strerror(errno));
        _exit(126);
    }
    return (int)result;
}

int main(int argc, char** argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: enter PID CGROUP PROGRAM [ARG...]\n");
        return 2;
    }
    const int target = need(syscall(SYS_pidfd_open, atoi(argv[1]), 0), "pidfd_open");
    const int cgroup = need(open(argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC), argv[2]);
    need(setns(target, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC |
                           CLONE_NEWCGROUP),
         "setns");
    struct clone_args request = {
        .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (unsigned long long)cgroup};
    const int child = need(syscall(SYS_clone3, &request, sizeof request), "clone3");
    if (child == 0) {
        need(setgroups(0, NULL), "setgroups");
        need(setresgid(0, 0, 0), "setresgid");
        need(setresuid(0, 0, 0), "setresuid");
        char* const environment[] = {"PATH=/bin", NULL};
        need(execve(argv[3], argv + 3, environment), argv[3]);
    }
    int status = 0;
    need(waitpid(child, &status, 0), "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
