// Sockets that somebody else has made and whose last descriptor may be ours.
//
// Whoever sends a descriptor chooses what its close() does: that of a TCP socket with SO_LINGER and data which nobody
// takes waits as long as the option says (socket(7)), and a program with one thread with it. From Linux 6.16 on a
// socket can refuse descriptors (SO_PASSRIGHTS); before, they are there with the message, wanted or not.
#pragma once

namespace zoned::sys {

/// close() of all sockets that this process has now does not wait for data to be sent.
void takeLingersOff() noexcept;

/// A socket other than of the family AF_UNIX. False for whatever is no socket.
[[nodiscard]] bool isNetworkSocket(int fd) noexcept;

} // namespace zoned::sys
