// Descriptors that come with a message from somebody who is not trusted.
//
// Whoever closes the last descriptor of a TCP socket with unsent data waits for as long as its SO_LINGER says
// (socket(7)), also where the close is the kernel's: of descriptors that were not asked for, or had no room. So all
// that come are taken, and their linger is taken off before they are closed. What lies unread in a socket that is
// itself sent along is out of reach; from Linux 6.16 on a socket can refuse descriptors altogether.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>
#include <vector>

#include "sys/unique_fd.hpp"

namespace zoned::sys {

/// SCM_MAX_FD, the most that one message can carry: with less room, the kernel would close the rest in our place.
constexpr std::size_t mostMessageFds = 253;
constexpr std::size_t descriptorsSize = CMSG_SPACE(sizeof(int) * mostMessageFds);

/// A socket other than of the family AF_UNIX. False for whatever is no socket.
[[nodiscard]] bool isNetworkSocket(int fd) noexcept;
/// Makes closing it return at once; nothing where it is no socket.
void dropLinger(int fd) noexcept;
/// Takes the descriptors out of a message, so that they are owned whatever else is wrong with it.
[[nodiscard]] std::vector<UniqueFd> takeDescriptors(msghdr& message);
/// Lets nobody send descriptors to this Unix socket, where the kernel can do that (Linux 6.16, SO_PASSRIGHTS).
void refuseDescriptors(int socket) noexcept;
/// As read(2), from a Unix socket; descriptors that come along are closed.
[[nodiscard]] ssize_t readBytes(int socket, void* buffer, std::size_t size) noexcept;

} // namespace zoned::sys
