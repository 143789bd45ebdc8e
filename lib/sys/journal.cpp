#include "sys/journal.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstdint>

namespace zoned::sys {

std::string journalDatagram(std::span<const JournalField> fields) {
    std::string datagram;
    for (const auto& [name, value] : fields) {
        datagram += name;
        if (value.find('\n') == std::string_view::npos) {
            datagram += '=';
        } else {
            // a value of several lines follows its length, 64 bits, little-endian
            datagram += '\n';
            for (unsigned shift = 0; shift < 64; shift += 8) {
                datagram += static_cast<char>(static_cast<std::uint64_t>(value.size()) >> shift & 0xff);
            }
        }
        datagram += value;
        datagram += '\n';
    }
    return datagram;
}

bool JournalSocket::send(std::span<const JournalField> fields) noexcept {
    try {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (path_.size() >= sizeof address.sun_path) {
            return false;
        }
        std::ranges::copy(path_, address.sun_path);
        if (!socket_) {
            socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        }
        const std::string datagram = journalDatagram(fields);
        return ::sendto(socket_.get(), datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                        reinterpret_cast<const sockaddr*>(&address), sizeof address) >= 0;
    } catch (const std::exception&) { // no memory for a line of a log
        return false;
    }
}

} // namespace zoned::sys
