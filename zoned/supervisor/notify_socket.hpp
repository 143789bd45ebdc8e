// The end of a zone's notification socket (sd_notify(3)) that the supervisor reads.
#pragma once

#include <sys/types.h>

#include <functional>

#include "sys/event_loop.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::supervisor {

/// Only two things are heard, and from init alone: that the start is complete (READY=1), and that signals are
/// understood from now on (X_SYSTEMD_SIGNALS_LEVEL=2; systemd 257 and newer).
class NotifySocket {
public:
    NotifySocket(sys::EventLoop& loop, sys::UniqueFd socket, pid_t init, std::function<void()> listens,
                 std::function<void()> ready);

private:
    void read();

    sys::UniqueFd socket_;
    pid_t init_;
    std::function<void()> listens_;
    std::function<void()> ready_;
    bool told_ = false; // READY=1 has come
    sys::EventLoop::Source source_;
};

} // namespace zoned::supervisor
