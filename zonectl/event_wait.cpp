#include "event_wait.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "sys/error.hpp"

namespace zoned::ctl {

namespace {

/// poll(2)'s time-out: rounded up, so that it never wakes just before the deadline, again and again.
int millisecondsUntil(const Deadline& deadline) {
    constexpr std::chrono::milliseconds most{60'000};
    if (!deadline) {
        return -1;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp(left, std::chrono::milliseconds{0}, most).count());
}

/// Whether one of them ends the program.
bool takeSignals(Signals& signals) {
    bool end = false;
    while (const auto signal = signals.take()) {
        if (*signal == SIGTSTP) {
            ::raise(SIGSTOP);
        } else if (*signal != SIGWINCH) {
            end = true;
        }
    }
    return end;
}

} // namespace

Woken waitForEvent(Client& client, Signals& signals, const Deadline& deadline) {
    int timeout = millisecondsUntil(deadline);
    // 0 where the connection has read messages ahead: its descriptor says nothing of those
    if (const int bus = client.timeout(); bus >= 0) {
        timeout = timeout < 0 ? bus : std::min(timeout, bus);
    }
    std::array<pollfd, 2> polled{pollfd{client.fd(), client.events(), 0}, pollfd{signals.fd(), POLLIN, 0}};
    if (::poll(polled.data(), polled.size(), timeout) < 0 && errno != EINTR) {
        sys::throwErrno("waiting for news");
    }
    client.dispatch();
    if (takeSignals(signals)) {
        return Woken::bySignal;
    }
    return deadline && std::chrono::steady_clock::now() >= *deadline ? Woken::byDeadline : Woken::byNews;
}

} // namespace zoned::ctl
