// Messages between two of our own processes over a SOCK_SEQPACKET socket: one
// packet is one message, with the descriptors it carries.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sys/error.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::sys {

struct Packet {
    std::string data;
    std::vector<UniqueFd> fds;
};

/// The largest message that may be sent; a longer one is an Error EMSGSIZE on the sender's side.
constexpr std::size_t maxPacket = 192 * 1024;
/// The most descriptors one message may carry.
constexpr std::size_t maxPacketFds = 16;

class Channel {
public:
    Channel() = default;
    explicit Channel(UniqueFd socket) : socket_(std::move(socket)) {}

    /// Two connected ends, close-on-exec.
    static std::pair<Channel, Channel> pair();
    /// A listening socket at a path of the file system, mode 0600, replacing what was there.
    static UniqueFd listen(const std::string& path);
    /// Connects to a listening socket; throws Error (ECONNREFUSED, ENOENT) where nobody listens.
    static Channel connect(const std::string& path);
    /// Takes the next connection of a listening socket; none where there is none waiting.
    static std::optional<Channel> accept(int listener);

    /// False where the peer is gone (EPIPE, ECONNRESET). On a non-blocking socket whose
    /// peer does not read: Error EAGAIN.
    bool send(std::string_view data, const std::vector<int>& fds = {});
    /// The next message; none at the end of the connection. On a non-blocking socket
    /// with nothing waiting: Error EAGAIN.
    [[nodiscard]] std::optional<Packet> receive();

    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(socket_); }
    void close() noexcept { socket_.reset(); }
    [[nodiscard]] UniqueFd release() noexcept { return std::move(socket_); }

private:
    UniqueFd socket_;
};

} // namespace zoned::sys
