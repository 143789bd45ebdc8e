#include "notify_socket.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

namespace zoned::supervisor {

namespace {

/// SCM_MAX_FD: for fewer, the kernel would close the rest in our place.
constexpr std::size_t mostFds = 253;

/// True where one of the datagram's lines is the assignment.
bool says(std::string_view text, std::string_view assignment) {
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        if (line == assignment) {
            return true;
        }
        text.remove_prefix(std::min(text.size(), line.size() + 1));
    }
    return false;
}

} // namespace

NotifySocket::NotifySocket(sys::EventLoop& loop, sys::UniqueFd socket, pid_t init, std::function<void()> listens,
                           std::function<void()> ready)
    : socket_(std::move(socket)), init_(init), listens_(std::move(listens)), ready_(std::move(ready)) {
    source_ = loop.watch(socket_.get(), EPOLLIN, [this](std::uint32_t) { read(); });
}

void NotifySocket::read() {
    std::array<char, 4096> text;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(mostFds * sizeof(int))> control{};
    iovec part{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t length = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length <= 0) {
        return;
    }
    pid_t sender = 0;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS) {
            ucred credentials{};
            std::memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
            sender = credentials.pid;
        } else if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
            for (std::size_t at = CMSG_LEN(0); at + sizeof(int) <= header->cmsg_len; at += sizeof(int)) {
                int fd = -1;
                std::memcpy(&fd, reinterpret_cast<unsigned char*>(header) + at, sizeof fd);
                sys::UniqueFd unwanted(fd); // nothing is taken from a zone
                // closing the last descriptor of a socket with SO_LINGER waits; see also openNotifySocket()
                const linger off{};
                (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof off);
            }
        }
    }
    if (sender != init_) {
        return;
    }
    const std::string_view lines(text.data(), static_cast<std::size_t>(length));
    const bool ready = says(lines, "READY=1");
    if (ready || says(lines, "X_SYSTEMD_SIGNALS_LEVEL=2")) {
        listens_();
    }
    if (ready && !std::exchange(told_, true)) { // a zone may say so as often as it likes
        ready_();
    }
}

} // namespace zoned::supervisor
