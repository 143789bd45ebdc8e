// What zoned and a zone's supervisor say to each other, over a SOCK_SEQPACKET
// socket (sys/channel.hpp) that the supervisor listens on at
// RUN/zones/NAME/socket. One packet is one JSON object; "type" names it.
//
//   zoned -> supervisor
//     boot      {spec: BootSpec, target: "running"|"ready"}   installed -> target; ready -> running (spec ignored)
//     halt      {}                                             at once
//     shutdown  {timeout: seconds}                             ladder: ask init, wait, kill
//     reboot    {force: bool}
//     exec      {id, by, argv, user, cwd, env, tty, rows, columns, term}   by: the user of the host who asked
//     console   {id, by}
//     limits    {id, limits: [{file, value}], definition}   other limits for a zone that is up, also for its reboots;
//                      answered with opened (no descriptors) or refused, and then nothing was changed. definition: the
//                      text that says them, for RUN/zones/NAME/definition.yaml: written here, since zoned may be killed
//                      before it has the answer
//     refuse    {text}   it will not be booted: leave as one that failed, saying why (ignored while the zone is active)
//     quit      {}   leave if nothing runs and nobody views the console (ignored otherwise)
//
//   supervisor -> zoned
//     status    the whole Status, on connecting and at every change
//     step      {step}   instead, where nothing but Status::step has changed
//     opened    {id} + descriptors   exec: control, then stdin, stdout, stderr (or the pty's master); console: one
//     refused   {id, text}
//     reboot-spec {}   init asked for a reboot and the zone is down: answer with boot (target running);
//                      without an answer in 5 s, or with no zoned connected, the old spec is used again
//
// A supervisor whose zone is not active and whose console nobody views ends;
// it leaves RUN/zones/NAME/exit.json (Status as of then) behind, for a zoned
// that was not there to hear it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "zone/zone_state.hpp"

namespace zoned::platform {

struct Status {
    zone::State state = zone::State::installed; // installed: nothing is up
    bool booted = false;                        // init said READY=1 (or cannot say so and has run for 0.2 s)
    pid_t initPid = 0;
    std::string initKind;    // "systemd", …; "" while no init was found
    std::int64_t since = 0;  // seconds since 1970
    std::uint64_t boots = 0; // how often init was started by this supervisor
    std::string step;        // the step of the plan being taken; "" otherwise
    std::string reason;      // why the zone is not running (any more): "init exited with status 3", …; "" while it is
    bool asked = false;      // it is not running because somebody stopped it from outside
    bool killed = false;     // asked to shut down, it did not and was killed
    std::string failure;     // as reason, but set only when the last boot, halt or shutdown request failed
    std::uint64_t requests = 0; // how many boot, halt, shutdown and reboot requests are finished
    std::uint64_t pending = 0;  // how many are not
    std::string cgroup;         // below the cgroup v2 mount
    bool unasked = false;       // no message has come to this supervisor yet

    bool operator==(const Status&) const = default;
};

/// What Status::reason says of an end that somebody wanted.
inline constexpr std::string_view haltedReason = "halted";
inline constexpr std::string_view shutDownReason = "shut down";
inline constexpr std::string_view poweredOffReason = "powered off from inside";
/// Follows the words for an end by SIGKILL that nobody asked for, where the kernel has killed for want of memory.
inline constexpr std::string_view outOfMemoryNote = ", as the zone had no memory left";
[[nodiscard]] bool isOrderlyEnd(std::string_view reason) noexcept;

/// In RUN/zones/NAME: the definition that says what the zone has; it was booted with it, or given it since.
inline constexpr std::string_view bootedFile = "/definition.yaml";

[[nodiscard]] std::string toJson(const Status& status);
/// Throws sys::Error.
[[nodiscard]] Status statusFromJson(const nlohmann::json& json);
[[nodiscard]] Status statusFromJson(const std::string& text);

} // namespace zoned::platform
