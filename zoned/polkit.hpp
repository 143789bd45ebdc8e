// Questions to polkit (org.freedesktop.PolicyKit1) about callers who are not
// root, without ever waiting for the answer.
//
// The subject is the caller's name on the bus, never its process id, which may
// belong to another program by the time polkit looks at it (CVE-2013-4288).
// A caller who leaves the bus before the answer has asked nothing
// (CVE-2021-3560): its question is withdrawn and its request forgotten.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "api/bus_compat.hpp"
#include "authorizer.hpp"
#include "sys/event_loop.hpp"

namespace zoned::daemon {

class Polkit {
public:
    Polkit(sys::EventLoop& loop, sdbus::IConnection& connection);

    /// Calls `then` once, when polkit has answered or its time is up; never where the caller has left the bus.
    void ask(const Question& question, Authorities::Answer then);

private:
    struct Check {
        Caller caller;
        Authorities::Answer then;
        sys::EventLoop::Source deadline;
    };
    using Result = sdbus::Struct<bool, bool, std::map<std::string, std::string>>;

    void send(std::uint64_t id, const Question& question);
    void answered(std::uint64_t id, const Result& result);
    void settle(std::uint64_t id, bool allowed, const std::string& why);
    void withdraw(std::uint64_t id);
    void callerGone(const std::string& name);
    sdbus::IProxy& polkit();

    sys::EventLoop& loop_;
    sdbus::IConnection& connection_;
    std::unique_ptr<sdbus::IProxy> proxy_;
    std::map<std::uint64_t, Check> checks_;
    std::uint64_t last_ = 0;
};

} // namespace zoned::daemon
