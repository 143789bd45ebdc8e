// The programs that were let into the zone: exec and login.
//
// A zone can keep a program from starting: by file systems that never answer, by having taken all terminals, by being
// frozen. So each attempt has its time, and root gets a second one that asks less of the zone.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "drains.hpp"
#include "platform/enter.hpp"
#include "sys/channel.hpp"
#include "sys/event_loop.hpp"

namespace zoned::supervisor {

class Visits {
public:
    /// The visit's descriptors for its client: control, then stdin, stdout, stderr, or the terminal's master.
    using Opened = std::function<void(const std::vector<sys::UniqueFd>& fds)>;
    using Refused = std::function<void(const std::string& text)>;

    explicit Visits(sys::EventLoop& loop);
    ~Visits();

    /// Both callbacks may be empty: nobody waits for the program then. Throws sys::Error at a fault of the host's.
    void start(const platform::Remains& zone, int initPidfd, const std::string& seccompFilter,
               const platform::EnterRequest& request, Opened opened, Refused refused);
    /// The zone's init, which is none of the strays.
    void setInit(pid_t init) noexcept { init_ = init; }
    /// Reaps programs whose start nobody told us of, because the zone's root killed the process that lets them in: a
    /// zombie of the zone keeps its init from ending. To be called when a child has ended (SIGCHLD).
    void reapStrays();
    /// All processes of the zone have ended: reaps and reports those that were let in.
    void zoneEnded();

private:
    struct Visit;
    using VisitAt = std::list<Visit>::iterator;

    /// As start, without a look at how many there are.
    void begin(const platform::Remains& zone, int initPidfd, const std::string& seccompFilter,
               const platform::EnterRequest& request, Opened opened, Refused refused);
    /// Another attempt for the visit's client, in a visit of its own.
    void again(VisitAt visit, const platform::EnterRequest& request);
    void tooSlow(VisitAt visit);
    void giveUp(VisitAt visit, const std::string& why);
    void hear(VisitAt visit);
    void executed(VisitAt visit);
    void failed(VisitAt visit, const std::string& text, int code);
    void ended(VisitAt visit, int waitStatus);
    void hearClient(VisitAt visit);
    void hangUp(VisitAt visit);
    void open(VisitAt visit);
    void report(VisitAt visit, const std::string& text);
    [[nodiscard]] static std::vector<sys::UniqueFd> outputOf(VisitAt visit);
    void finish(VisitAt visit, const std::string& report);

    sys::EventLoop& loop_;
    std::list<Visit> visits_;
    Drains drains_;
    std::map<pid_t, sys::EventLoop::Source> doors_; // processes that let a visit in and end at once
    pid_t init_ = -1;
};

} // namespace zoned::supervisor
