// The conversation between a supervisor and the zone's first process, from
// clone3 to the exec of init. One SOCK_SEQPACKET pair; each line is one packet.
//
//     supervisor                                zone's first process
//     ----------                                --------------------
//     clone3 (all namespaces) ----------------> waits
//     writes uid_map, gid_map
//     id-maps image and layer, makes /dev
//     "assemble" + image, layer, dev ---------> attaches the layers, makes the root overlay,
//                                               proc, sys, cgroup, dev, run, console, volumes,
//                                               identity files; pivots into the root
//        veth, guard, address, route
//        (beside it)
//                <----------------------------- "assembled KIND" + console master, notify socket
//                                               drops capabilities, loads the filter
//     …the zone is ready; nothing of it runs…
//     "go ARGS…" -----------------------------> executes init
//                <----------------------------- end of the connection: init runs
//
// At any point the process may answer "error CODE TEXT": sys::Error, whole.
// All that can be computed is computed before clone3. The packets are JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sys/channel.hpp"

namespace zoned::platform {

struct Message {
    std::string kind; // "assemble", "assembled", "go", "error"
    std::vector<std::string> words;
    int code = 0; // error: errno
    std::vector<sys::UniqueFd> fds;
};

/// False where the peer is gone.
bool sendMessage(sys::Channel& channel, const std::string& kind, const std::vector<std::string>& words = {},
                 const std::vector<int>& fds = {}, int code = 0);

/// The next message of any kind but "error", which is thrown; nothing where the peer has gone.
std::optional<Message> nextMessage(sys::Channel& channel, const std::string& waitingFor);

/// The next message, which must be of the kind and carry that many descriptors. Throws what an "error"
/// says; throws where the peer has gone or does not answer (sys::Error, `waitingFor` in its text).
Message receiveMessage(sys::Channel& channel, const std::string& kind, std::size_t fds, const std::string& waitingFor);

/// Waits for the peer to close the connection; throws the error that it sends instead.
void receiveEnd(sys::Channel& channel, const std::string& waitingFor);

/// Throws the error that the peer has sent already, if it has.
void throwPendingError(sys::Channel& channel);

/// How long one side waits for the other at most.
void limitWaiting(sys::Channel& channel);

} // namespace zoned::platform
