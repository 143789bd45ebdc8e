#include "sys/peer.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "sys/error.hpp"
#include "sys/process.hpp"
#include "sys/unique_fd.hpp"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 // Linux 6.5
#endif

namespace zoned::sys {

namespace {

/// The process itself, where the kernel tells it (Linux 6.5); before, whoever has its number now.
UniqueFd pidfdOfPeer(int socket, pid_t pid) {
    int pidfd = -1;
    socklen_t length = sizeof pidfd;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &length) == 0) {
        return UniqueFd(pidfd);
    }
    return errno == ENOPROTOOPT ? openPidfd(pid) : UniqueFd();
}

bool sharesNamespace(pid_t pid, const char* name) {
    struct stat ours {};
    struct stat theirs {};
    check(::stat(join("/proc/self/ns/", name).c_str(), &ours), "looking at our namespace");
    check(::stat(join("/proc/", pid, "/ns/", name).c_str(), &theirs), "looking at the namespace of process ", pid);
    return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

} // namespace

bool isPeerOurRoot(int socket) noexcept {
    try {
        ucred credentials{};
        socklen_t length = sizeof credentials;
        check(::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length), "asking who has connected");
        if (credentials.uid != 0 || credentials.pid <= 0) {
            return false;
        }
        const UniqueFd process = pidfdOfPeer(socket, credentials.pid);
        return process && sharesNamespace(credentials.pid, "user") && sharesNamespace(credentials.pid, "pid") &&
               signalProcess(process.get(), 0); // it still is there: the number was its when we looked
    } catch (const Error&) {
        return false;
    }
}

} // namespace zoned::sys
