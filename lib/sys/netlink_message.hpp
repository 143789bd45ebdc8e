// One netlink conversation: a message that is put together, a socket that
// sends it and waits for the kernel's answer. Shared by rtnetlink (links,
// addresses) and nfnetlink (set elements of the firewall).
//
// libnl-3's core writes and parses the bytes. Its own socket object is left
// alone: it hides errno behind codes of its own and allocates port numbers
// that clash when a process opens sockets in several network namespaces.
#pragma once

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sys/unique_fd.hpp"

namespace zoned::sys {

using MacAddress = std::array<std::uint8_t, 6>;

/// A request under construction.
class NetlinkMessage {
public:
    /// @param flags NLM_F_... beside NLM_F_REQUEST, which is always there
    /// @param capacity bytes at most; more is std::bad_alloc
    NetlinkMessage(std::uint16_t type, std::uint16_t flags, std::size_t capacity = 4096);

    /// Appends the family's fixed header (ifinfomsg, nfgenmsg, ...).
    template <typename Header>
    void header(const Header& value) {
        append(&value, sizeof value);
    }
    void put(int attribute, const void* data, std::size_t size);
    void putText(int attribute, std::string_view text); ///< with its end byte
    void putU8(int attribute, std::uint8_t value);
    void putU16(int attribute, std::uint16_t value); ///< in host byte order
    void putU32(int attribute, std::uint32_t value); ///< in host byte order
    void put(int attribute, const MacAddress& mac) { put(attribute, mac.data(), mac.size()); }

    /// Attributes that `fill` puts become the content of this one.
    template <typename Fill>
    void nest(int attribute, Fill fill) {
        nlattr* const start = open(attribute);
        fill();
        nla_nest_end(message_.get(), start);
    }

    [[nodiscard]] nlmsghdr* raw() const noexcept { return nlmsg_hdr(message_.get()); }
    /// For a fixed header in the midst of a message (the peer of a veth).
    void append(const void* data, std::size_t size);

private:
    struct Free {
        void operator()(nl_msg* message) const noexcept { nlmsg_free(message); }
    };
    nlattr* open(int attribute);

    std::unique_ptr<nl_msg, Free> message_;
};

/// What the kernel said to one request that asked for an answer.
struct NetlinkAnswer {
    std::size_t request = 0; ///< which of the batch, from 0
    int code = 0;            ///< errno; 0 for success
};

/// A netlink socket of the calling thread's network namespace.
class NetlinkSocket {
public:
    /// @param protocol NETLINK_ROUTE or NETLINK_NETFILTER
    explicit NetlinkSocket(int protocol);

    /// Sends one request and returns errno of the kernel's answer, 0 for success.
    [[nodiscard]] int request(NetlinkMessage& message);
    /// Sends one request; the answer decides between return and Error with `action`.
    void perform(NetlinkMessage& message, std::string_view action);
    /// Sends one request and hands every message of the answer to `each`. Returns errno of the answer, 0 for success.
    [[nodiscard]] int query(NetlinkMessage& message, const std::function<void(nlmsghdr*)>& each);
    /// Sends several requests in one datagram and collects the answers to those with NLM_F_ACK. The kernel handles
    /// a datagram before sendto returns, so no wait is needed and answers that it withheld are simply missing.
    [[nodiscard]] std::vector<NetlinkAnswer> batch(std::span<NetlinkMessage> messages);

private:
    void send(const void* data, std::size_t size);
    void makeRoom(std::size_t answers);
    /// One datagram, valid until the next call; empty where `wait` is false and there is none.
    std::span<char> receive(bool wait);

    UniqueFd fd_;
    std::unique_ptr<char[]> buffer_;
    std::uint32_t sequence_ = 0;
};

} // namespace zoned::sys
