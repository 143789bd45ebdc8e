#include "notify_socket.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "sys/received_fds.hpp"

namespace zoned::supervisor {

namespace {

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
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred)) + sys::descriptorsSize> control{};
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
        }
    }
    (void)sys::takeDescriptors(message); // nothing is taken from a zone; see also openNotifySocket()
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
