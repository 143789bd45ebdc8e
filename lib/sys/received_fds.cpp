#include "sys/received_fds.hpp"

#include <array>
#include <cerrno>
#include <cstring>

namespace zoned::sys {

bool isNetworkSocket(int fd) noexcept {
    int family = AF_UNSPEC;
    socklen_t size = sizeof family;
    return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 && family != AF_UNIX;
}

void dropLinger(int fd) noexcept {
    const int before = errno;
    const linger off{};
    (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof off);
    errno = before;
}

std::vector<UniqueFd> takeDescriptors(msghdr& message) {
    std::vector<UniqueFd> fds;
    fds.reserve(mostMessageFds);
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
            fds.emplace_back(fd);
            dropLinger(fd);
        }
    }
    return fds;
}

void refuseDescriptors(int socket) noexcept {
    constexpr int passRights = 83; // SO_PASSRIGHTS
    const int off = 0;
    (void)::setsockopt(socket, SOL_SOCKET, passRights, &off, sizeof off);
}

ssize_t readBytes(int socket, void* buffer, std::size_t size) noexcept {
    alignas(cmsghdr) std::array<char, descriptorsSize> control;
    iovec part{buffer, size};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t length = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (length >= 0 && message.msg_controllen > 0) {
        (void)takeDescriptors(message);
    }
    return length;
}

} // namespace zoned::sys
