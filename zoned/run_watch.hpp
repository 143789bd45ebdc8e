// Notices supervisors that begin to listen, in RUN/zones/NAME/socket: also those
// that somebody else has started (`systemctl start zone@web`).
#pragma once

#include <functional>
#include <map>
#include <string>

#include "sys/event_loop.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::daemon {

class RunWatch {
public:
    /// @param folder RUN/zones
    /// @param listens called with NAME when one can connect; perhaps more than once
    RunWatch(sys::EventLoop& loop, std::string folder, std::function<void(const std::string& name)> listens);

private:
    void read();
    void look(const std::string& name);
    [[nodiscard]] std::string socketOf(const std::string& name) const;
    void lookAtAll();

    std::string folder_;
    std::function<void(const std::string&)> listens_;
    sys::UniqueFd inotify_;
    std::map<int, std::string> places_; // watch -> NAME
    sys::EventLoop::Source source_;
};

} // namespace zoned::daemon
