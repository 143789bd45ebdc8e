// The output of programs that a visit has left behind.
//
// A visit ends with its main program, and its client goes then; what that program has started may go on and write. Its
// next line would be its end (SIGPIPE), which neither a shell nor ssh does to it. So we hold a reading end
// from before the client hears of the end, and once he has gone we read on, and throw away: slowly, so that a program
// which writes without end waits rather than keeps us busy.
#pragma once

#include <list>
#include <vector>

#include "sys/channel.hpp"
#include "sys/event_loop.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::supervisor {

class Drains {
public:
    explicit Drains(sys::EventLoop& loop) : loop_(loop) {}

    /// @param client the connection to the client, who has been told of the end; none where he has gone
    /// @param pipes reading ends, not blocking. Those that nobody can write to any more are closed at once, and of very
    /// many visits' those of the oldest.
    void add(sys::Channel client, std::vector<sys::UniqueFd> pipes);
    /// The zone is down: nobody can write any more.
    void clear() { visits_.clear(); }

private:
    struct Pipe {
        sys::UniqueFd end;
        sys::EventLoop::Source source;
    };
    struct Visit {
        sys::Channel client;
        std::list<Pipe> pipes;
        sys::EventLoop::Source gone;
    };
    using VisitAt = std::list<Visit>::iterator;
    using PipeAt = std::list<Pipe>::iterator;

    void hold(VisitAt visit, PipeAt pipe);
    void listen(VisitAt visit, PipeAt pipe);
    void read(VisitAt visit, PipeAt pipe);
    void close(VisitAt visit, PipeAt pipe);
    void clientGone(VisitAt visit);

    sys::EventLoop& loop_;
    std::list<Visit> visits_;
};

} // namespace zoned::supervisor
