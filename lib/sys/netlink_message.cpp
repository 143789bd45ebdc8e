#include "sys/netlink_message.hpp"

#include <sys/socket.h>

#include <cstring>
#include <new>

#include "sys/error.hpp"

namespace zoned::sys {

namespace {

/// The kernel builds no dump message larger than this (netlink_dump()), and answers to single requests are smaller.
constexpr std::size_t bufferSize = 32768;

void require(int result) {
    if (result < 0) {
        throw std::bad_alloc(); // the one way in which appending to a message fails: it is full
    }
}

/// Whether the message is a final answer, and which.
std::optional<int> verdict(nlmsghdr* header) {
    if (header->nlmsg_type == NLMSG_ERROR) {
        return -static_cast<const nlmsgerr*>(nlmsg_data(header))->error;
    }
    if (header->nlmsg_type == NLMSG_DONE) {
        int code = 0;
        if (nlmsg_datalen(header) >= static_cast<int>(sizeof code)) {
            std::memcpy(&code, nlmsg_data(header), sizeof code);
        }
        return -code;
    }
    return std::nullopt;
}

} // namespace

NetlinkMessage::NetlinkMessage(std::uint16_t type, std::uint16_t flags, std::size_t capacity)
    : message_(nlmsg_alloc_size(capacity)) {
    if (!message_ || nlmsg_put(message_.get(), 0, 0, type, 0, NLM_F_REQUEST | flags) == nullptr) {
        throw std::bad_alloc();
    }
}

void NetlinkMessage::append(const void* data, std::size_t size) {
    require(nlmsg_append(message_.get(), const_cast<void*>(data), size, NLMSG_ALIGNTO));
}

void NetlinkMessage::put(int attribute, const void* data, std::size_t size) {
    require(nla_put(message_.get(), attribute, static_cast<int>(size), data));
}

void NetlinkMessage::putText(int attribute, std::string_view text) {
    require(nla_put_string(message_.get(), attribute, std::string(text).c_str()));
}

void NetlinkMessage::putU8(int attribute, std::uint8_t value) {
    require(nla_put_u8(message_.get(), attribute, value));
}

void NetlinkMessage::putU16(int attribute, std::uint16_t value) {
    require(nla_put_u16(message_.get(), attribute, value));
}

void NetlinkMessage::putU32(int attribute, std::uint32_t value) {
    require(nla_put_u32(message_.get(), attribute, value));
}

nlattr* NetlinkMessage::open(int attribute) {
    nlattr* const start = nla_nest_start(message_.get(), attribute);
    if (start == nullptr) {
        throw std::bad_alloc();
    }
    return start;
}

NetlinkSocket::NetlinkSocket(int protocol)
    : fd_(check(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), "opening a netlink socket")),
      buffer_(std::make_unique_for_overwrite<char[]>(bufferSize)) {
    // Answers that do not repeat the request: a large one would not fit beside its echo.
    const int on = 1;
    check(setsockopt(fd_.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on), "setting up a netlink socket");
}

void NetlinkSocket::send(const void* data, std::size_t size) {
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    ssize_t sent = 0;
    do {
        sent = sendto(fd_.get(), data, size, 0, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
    } while (sent < 0 && errno == EINTR);
    check(sent, "sending a netlink request");
}

std::span<char> NetlinkSocket::receive(bool wait) {
    for (;;) {
        sockaddr_nl sender{};
        iovec part{buffer_.get(), bufferSize};
        msghdr header{};
        header.msg_name = &sender;
        header.msg_namelen = sizeof sender;
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        const ssize_t size = recvmsg(fd_.get(), &header, wait ? 0 : MSG_DONTWAIT);
        if (size < 0) {
            if (errno == EINTR) {
                continue;
            }
            if (errno == EAGAIN && !wait) {
                return {};
            }
            throwErrno("receiving a netlink answer");
        }
        if ((header.msg_flags & MSG_TRUNC) != 0) {
            throw Error("receiving a netlink answer", EMSGSIZE);
        }
        if (sender.nl_pid == 0) { // another process may send here too, and is no kernel
            return {buffer_.get(), static_cast<std::size_t>(size)};
        }
    }
}

int NetlinkSocket::query(NetlinkMessage& message, const std::function<void(nlmsghdr*)>& each) {
    nlmsghdr* const request = message.raw();
    request->nlmsg_seq = ++sequence_;
    if ((request->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP) {
        request->nlmsg_flags |= NLM_F_ACK; // a dump ends with NLMSG_DONE, all else with an acknowledgement
    }
    send(request, request->nlmsg_len);
    bool torn = false;
    for (;;) {
        const std::span<char> datagram = receive(true);
        int left = static_cast<int>(datagram.size());
        auto* header = reinterpret_cast<nlmsghdr*>(datagram.data());
        for (; nlmsg_ok(header, left) != 0; header = nlmsg_next(header, &left)) {
            if (header->nlmsg_seq != sequence_) {
                continue; // the rest of an earlier answer, whose reading an exception ended
            }
            torn = torn || (header->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
            if (const std::optional<int> code = verdict(header)) {
                return *code == 0 && torn ? EINTR : *code;
            }
            each(header);
        }
    }
}

int NetlinkSocket::request(NetlinkMessage& message) {
    return query(message, [](nlmsghdr*) {});
}

void NetlinkSocket::perform(NetlinkMessage& message, std::string_view action) {
    if (const int code = request(message); code != 0) {
        throw Error(std::string(action), code);
    }
}

/// The kernel drops an answer that finds no room (ENOBUFS), though it has done what was asked.
void NetlinkSocket::makeRoom(std::size_t answers) {
    constexpr std::size_t ofOne = 1024; // with what the kernel adds
    constexpr std::size_t always = 100; // fit into a new socket, whatever net.core.rmem_default is
    if (answers > always) {
        const int size = static_cast<int>(answers * ofOne);
        check(setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size), "making room for netlink answers");
    }
}

std::vector<NetlinkAnswer> NetlinkSocket::batch(std::span<NetlinkMessage> messages) {
    makeRoom(messages.size());
    std::string datagram;
    const std::uint32_t first = sequence_ + 1;
    for (NetlinkMessage& message : messages) {
        nlmsghdr* const request = message.raw();
        request->nlmsg_seq = ++sequence_;
        datagram.append(reinterpret_cast<const char*>(request), NLMSG_ALIGN(request->nlmsg_len));
    }
    send(datagram.data(), datagram.size());
    std::vector<NetlinkAnswer> answers;
    for (std::span<char> part = receive(false); !part.empty(); part = receive(false)) {
        int left = static_cast<int>(part.size());
        auto* header = reinterpret_cast<nlmsghdr*>(part.data());
        for (; nlmsg_ok(header, left) != 0; header = nlmsg_next(header, &left)) {
            const std::optional<int> code = verdict(header);
            if (code && header->nlmsg_seq >= first) {
                answers.push_back({header->nlmsg_seq - first, *code});
            }
        }
    }
    return answers;
}

} // namespace zoned::sys
