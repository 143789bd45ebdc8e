// Running a program in a zone that runs: exec, login, and the supervisor's own
// `poweroff` for an init that takes no signal.
//
//   supervisor ── clone3 into a fresh cgroup leaf ──▶ door: setns into the zone
//        ◀── "terminal" + pty master (with a terminal)   │ clone3(CLONE_PARENT)
//        ◀── "started PID" ─────────────────────────────┤─▶ program: confined as
//        ◀── end of the connection: it was executed      ▼      init is, then execve
//            or "error" + errno                        exits
//
// The door has to be a process of its own because a process never changes its
// pid namespace, only its children's. The zone's processes can neither trace
// them (they are not dumpable) nor find a descriptor of the host in them: all but
// the ones needed are closed before the zone is entered.
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
};

/// A program on its way into the zone. The channel is to be watched: nextMessage (handshake.hpp) until its end.
struct Entering {
    sys::Child door;
    sys::Channel channel;
    std::string leaf;                 // its cgroup
    std::vector<sys::UniqueFd> stdio; // without a terminal: the far ends of its stdin, stdout and stderr
};

/// Starts entering; returns at once. `leaf` is the name of the cgroup to make below the payload.
[[nodiscard]] Entering enterZone(const Remains& zone, int initPidfd, const std::string& seccompFilter,
                                 const EnterRequest& request, const std::string& leaf);

} // namespace zoned::platform
