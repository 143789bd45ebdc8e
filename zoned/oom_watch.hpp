// Hears from the kernel when it kills processes of a zone for want of memory.
//
// The zone's own administrator sees a program gone without a word, and who set the
// limit sees nothing: so it is told. The kernel counts such kills in memory.events
// of the cgroup, and lets inotify(7) know that the file has changed; that it also
// does for each time that a zone meets its limit, up to a hundred times a second.
// A watch therefore hears once, and listens again a little later.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "sys/event_loop.hpp"
#include "sys/unique_fd.hpp"
#include "zone/zone_name.hpp"

namespace zoned::daemon {

class OomWatch {
public:
    /// @param killed since it was told last @param total since the zone's boot
    using Told = std::function<void(const zone::ZoneName& name, std::uint64_t killed, std::uint64_t total)>;

    OomWatch(sys::EventLoop& loop, Told told);

    /// To be told of every change of a zone. What was killed before is not told.
    /// @param init its process id: each boot has a cgroup of its own, of the same name; 0 while none runs
    /// @param cgroup of the zone's processes, absolute
    void follow(const zone::ZoneName& name, pid_t init, const std::string& cgroup);

private:
    struct Watched {
        pid_t init = 0;
        std::string cgroup;
        int watch = -1; // -1: not listening at the moment
        std::uint64_t total = 0;
    };
    void read();
    void lookAgain();
    void listen(const zone::ZoneName& name, Watched& watched);
    void count(const zone::ZoneName& name, Watched& watched);

    sys::EventLoop& loop_;
    Told told_;
    sys::UniqueFd inotify_; // -1 where the host has no more of them: then nothing is told
    sys::EventLoop::Source source_;
    sys::EventLoop::Source pause_;
    std::map<zone::ZoneName, Watched> zones_;
    std::map<int, zone::ZoneName> watches_;
    std::set<zone::ZoneName> changed_; // to be looked at after the pause
};

} // namespace zoned::daemon
