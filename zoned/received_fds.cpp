// The linger of descriptors that come over the bus.
//
// sd-bus takes the descriptors of every message, also of one whose method has none, and closes them with it, where
// nobody else can reach them: anybody who may call us could so keep us in close(2) for an hour (see
// sys/received_fds.hpp). Its recvmsg(2) is therefore this one. The bus's policy keeps most such messages away; this
// holds on a bus without it, too.
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "sys/received_fds.hpp"

extern "C" __attribute__((visibility("default"))) ssize_t recvmsg(int socket, msghdr* message, int flags) {
    const ssize_t length = ::syscall(SYS_recvmsg, socket, message, flags);
    if (length < 0) {
        return length;
    }
    for (cmsghdr* part = CMSG_FIRSTHDR(message); part != nullptr; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        for (std::size_t at = CMSG_LEN(0); at + sizeof(int) <= part->cmsg_len; at += sizeof(int)) {
            int fd = -1;
            std::memcpy(&fd, reinterpret_cast<unsigned char*>(part) + at, sizeof fd);
            zoned::sys::dropLinger(fd);
        }
    }
    return length;
}
