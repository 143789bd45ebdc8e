// Running a program in a zone that runs: exec, login, and the supervisor's own
// `poweroff` for an init that takes no signal.
//
//   supervisor ── clone3 into a fresh cgroup leaf ──▶ door: setns into the zone,
//                                                       │ finds the user, is confined
//                                                       │ as init is, becomes the user
//        ◀── "stdio" + far ends of pipes, or pty master ┤ clone3(CLONE_PARENT)
//        ◀── "started PID" ─────────────────────────────┤─▶ program: takes its
//        ◀── end of the connection: it was executed     ▼      streams, execve
//            or "error" + errno                        exits
//
// The door has to be a process of its own because a process never changes its
// pid namespace, only its children's. That is also why all changes of ids are the
// door's: each makes a process what fs.suid_dumpable says, traceable for a moment
// perhaps, and nobody in the zone can see the door. The program is born not
// dumpable and changes no ids until execve. Neither has a descriptor of the host:
// all but the ones needed are closed before the zone is entered.
//
// Nothing here waits for the zone's files in the supervisor: what hangs, hangs in
// the door or the program, and the supervisor gives it up after a while.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "platform/step.hpp"
#include "sys/channel.hpp"
#include "sys/process.hpp"

namespace zoned::platform {

struct EnterRequest {
    uid_t by = 0;                  // the user of the host who asked
    std::vector<std::string> argv; // empty: the user's login shell
    std::string user = "root";
    std::string cwd; // empty: the user's home, or / where that does not exist
    std::map<std::string, std::string> environment;
    bool terminal = false;
    std::uint16_t rows = 24;
    std::uint16_t columns = 80;
    std::string term = "linux";
    // For another attempt, where the zone stands in the way of the first:
    bool withoutFiles = false; // root only: neither its entry nor its home is looked at
    bool hostTerminal = false; // one of the host's devpts, since the zone can have none of its own
};

/// A program on its way into the zone. The channel is to be watched: nextMessage (handshake.hpp) until its end.
struct Entering {
    sys::Child door;
    sys::Channel channel;
    std::string leaf;           // its cgroup
    sys::UniqueFd hostTerminal; // the master, where the terminal is the host's
};

/// Starts entering; returns at once. `leaf` is the name of the cgroup to make below the payload.
[[nodiscard]] Entering enterZone(const Remains& zone, int initPidfd, const std::string& seccompFilter,
                                 const EnterRequest& request, const std::string& leaf);

} // namespace zoned::platform
