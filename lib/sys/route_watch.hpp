// Notices that the host's IPv4 routes changed, or that forwarding was turned on
// or off for all of its links (net.ipv4.ip_forward), which also sets it anew for
// each of them.
#pragma once

#include "sys/unique_fd.hpp"

namespace zoned::sys {

class RouteWatch {
public:
    /// Listens in the caller's network namespace. Throws Error.
    RouteWatch();

    /// Readable when there is something to take.
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }
    /// Takes what was told so far; true where any of it is of that kind.
    [[nodiscard]] bool take();

private:
    UniqueFd socket_;
};

} // namespace zoned::sys
