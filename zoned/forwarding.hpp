// IPv4 forwarding between the managed network and the host's other links.
//
// Not by net.ipv4.ip_forward, which makes the host a router between all of its
// links: it is turned on for the bridge, and for the links that the host has
// routes by. These are in a set of the packet filter, whose rule lets what enters
// by them go to the bridge alone. So the host routes for zones, and for nobody
// else. A host that routes anyway is left as it is.
//
// Which links were opened is noted in RUN/forwarding before it is done, and put
// back when no zone is up.
#pragma once

#include <set>
#include <string>

#include "host.hpp"

namespace zoned::daemon {

class Forwarding {
public:
    explicit Forwarding(const Host& host) : host_(host) {}

    /// The bridge's network and those that the host has routes to reach each other. Throws sys::Error.
    void open();
    /// As it was. Throws sys::Error.
    void close();

private:
    [[nodiscard]] std::string note() const { return host_.paths.run + "/forwarding"; }
    [[nodiscard]] std::set<std::string> noted() const;
    void forget();

    const Host& host_;
};

} // namespace zoned::daemon
