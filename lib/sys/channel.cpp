#include "sys/channel.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "sys/received_fds.hpp"
#include "sys/undo.hpp"

namespace zoned::sys {

namespace {

constexpr std::size_t controlSize = CMSG_SPACE(sizeof(int) * maxPacketFds);

/// Room for one message of the largest size, whatever net.core.wmem_default says. The kernel
/// refuses (EMSGSIZE) what exceeds the buffer, and doubles the value given here.
void makeRoom(int fd) {
    const int size = maxPacket;
    check(::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), "setting the send buffer of a channel");
}

sockaddr_un address(const std::string& path) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.empty() || path.find('\0') != std::string::npos) {
        throw Error("using an empty or broken socket path", EINVAL);
    }
    if (path.size() >= sizeof(name.sun_path)) {
        throw Error(join("using the socket path ", path), ENAMETOOLONG);
    }
    std::memcpy(name.sun_path, path.data(), path.size());
    return name;
}

/// A name beside `path` that nobody uses.
std::string temporaryBeside(const std::string& path) {
    std::uint32_t number = 0;
    check(::getrandom(&number, sizeof(number), 0), "drawing a random name");
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), ".s%08x", number);
    const auto slash = path.rfind('/');
    return (slash == std::string::npos ? std::string() : path.substr(0, slash + 1)) + text.data();
}

/// The length of the next message without taking it; none where the peer has gone.
std::optional<std::size_t> nextLength(int fd) {
    while (true) {
        const ssize_t length = ::recv(fd, nullptr, 0, MSG_PEEK | MSG_TRUNC);
        if (length > 0) {
            return static_cast<std::size_t>(length);
        }
        // Nobody sends empty messages (see send), so none is the same as the end.
        if (length == 0 || errno == ECONNRESET) {
            return std::nullopt;
        }
        if (errno != EINTR) {
            throwErrno("receiving a message");
        }
    }
}

} // namespace

std::pair<Channel, Channel> Channel::pair() {
    std::array<int, 2> ends{};
    check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), "making a pair of sockets");
    Channel first{UniqueFd(ends[0])};
    Channel second{UniqueFd(ends[1])};
    makeRoom(first.fd());
    makeRoom(second.fd());
    return {std::move(first), std::move(second)};
}

UniqueFd Channel::listen(const std::string& path) {
    // Bound under another name, then renamed: nobody ever meets the socket with another
    // mode or before it listens, and a stale one is replaced without a gap.
    const std::string temporary = temporaryBeside(path);
    const sockaddr_un name = address(temporary);
    static_cast<void>(address(path)); // the final name must be connectable too
    UniqueFd socket(check(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "making a socket"));
    check(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)), "binding the socket ", path);
    Undo undo([&] { ::unlink(temporary.c_str()); });
    check(::chmod(temporary.c_str(), 0600), "setting the mode of the socket ", path);
    check(::listen(socket.get(), SOMAXCONN), "listening on the socket ", path);
    check(::rename(temporary.c_str(), path.c_str()), "putting the socket ", path, " in place");
    undo.cancel();
    return socket;
}

Channel Channel::connect(const std::string& path) {
    const sockaddr_un name = address(path);
    UniqueFd socket(check(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "making a socket"));
    makeRoom(socket.get());
    while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) < 0) {
        if (errno != EINTR) {
            throwErrno("connecting to ", path);
        }
    }
    return Channel(std::move(socket));
}

std::optional<Channel> Channel::accept(int listener) {
    while (true) {
        UniqueFd socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
        if (socket) {
            makeRoom(socket.get());
            return Channel(std::move(socket));
        }
        if (errno == EAGAIN || errno == ECONNABORTED) {
            return std::nullopt;
        }
        if (errno != EINTR) {
            throwErrno("accepting a connection");
        }
    }
}

bool Channel::send(std::string_view data, const std::vector<int>& fds) {
    if (data.empty()) {
        throw Error("sending an empty message", EINVAL); // the peer would take it for the end of the connection
    }
    if (data.size() > maxPacket) {
        throw Error(join("sending a message of ", data.size(), " bytes"), EMSGSIZE);
    }
    if (fds.size() > maxPacketFds) {
        throw Error(join("sending ", fds.size(), " descriptors in one message"), EMSGSIZE);
    }
    iovec part{const_cast<char*>(data.data()), data.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, controlSize> control{};
    if (!fds.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
        std::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
    }
    while (::sendmsg(fd(), &message, MSG_NOSIGNAL) < 0) {
        if (errno == EPIPE || errno == ECONNRESET) {
            return false;
        }
        if (errno != EINTR) {
            throwErrno("sending a message");
        }
    }
    return true;
}

std::optional<Packet> Channel::receive() {
    // The length is asked first: a buffer for the largest message would be a large part of the memory
    // that a supervisor may use.
    const auto length = nextLength(fd());
    if (!length) {
        return std::nullopt;
    }
    Packet packet;
    packet.data.resize(std::min(*length, maxPacket));
    iovec part{packet.data.data(), packet.data.size()};
    alignas(cmsghdr) std::array<char, descriptorsSize> control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    ssize_t received = -1;
    do {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        received = ::recvmsg(fd(), &message, MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    if (received < 0) {
        if (errno == ECONNRESET) {
            return std::nullopt;
        }
        throwErrno("receiving a message");
    }
    packet.fds = takeDescriptors(message);
    if ((message.msg_flags & MSG_TRUNC) != 0) {
        throw Error(join("receiving a message of ", *length, " bytes"), EMSGSIZE);
    }
    if (packet.fds.size() > maxPacketFds || (message.msg_flags & MSG_CTRUNC) != 0) {
        // Or this process is out of descriptors; the kernel has closed the rest.
        throw Error("receiving the descriptors of a message, which did not fit", EMSGSIZE);
    }
    packet.data.resize(static_cast<std::size_t>(received));
    return packet;
}

} // namespace zoned::sys
