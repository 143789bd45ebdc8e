// Who is behind a name on the bus, ":1.42", as the bus learnt it from the kernel when the connection was made.
//
// It is asked once for each connection, and over a connection of our own: whoever waits for an answer on the one that
// calls come in by makes sd-bus take all that comes before the answer into memory, without any bound. On this one there
// is nothing else, and what others send to it is thrown away.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "bus_connection.hpp"

namespace zoned::daemon {

class Callers {
public:
    struct Credentials {
        uid_t uid = static_cast<uid_t>(-1); // effective; -1: not known, as where the caller has gone already
        std::vector<gid_t> groups;          // all of them; empty where they are not known
    };

    explicit Callers(sys::EventLoop& loop) : questions_(loop) {}

    [[nodiscard]] Credentials of(const std::string& name);
    /// The connection has left the bus, and its name is not used again.
    void gone(const std::string& name) { known_.erase(name); }

private:
    [[nodiscard]] Credentials ask(const std::string& name);

    BusConnection questions_;
    std::map<std::string, Credentials> known_;
};

} // namespace zoned::daemon
