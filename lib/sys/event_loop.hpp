// One thread, one loop: descriptors, timers, signals and child processes of
// every program of the project.
//
// It is epoll and not sd-event because the supervisor is linked statically and
// libsystemd has no static form; two kinds of loop would be one too many.
// Handlers may add and remove any source, their own too, while they run. A
// removed source's handler is never called again, also not for an event the
// kernel had already reported.
//
// It is also the border of a program that serves: what a handler throws is told
// to onFault(), concerns what that handler was doing, and does not end the loop.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>

namespace zoned::sys {

class EventLoop {
public:
    /// A registered source; removes it from the loop when destroyed. It must not outlive its loop, unless reset
    /// before, and its descriptor should outlive it. That a timer has fired leaves it as it is: only reset() empties it.
    class Source {
    public:
        Source() noexcept = default;
        Source(Source&& other) noexcept;
        Source& operator=(Source&& other) noexcept;
        ~Source();
        void reset() noexcept;
        [[nodiscard]] explicit operator bool() const noexcept { return loop_ != nullptr; }

    private:
        friend class EventLoop;
        Source(EventLoop* loop, std::uint64_t id) noexcept : loop_(loop), id_(id) {}
        EventLoop* loop_ = nullptr;
        std::uint64_t id_ = 0;
    };

    EventLoop();
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    /// Calls `handler(events)` while any of `events` (EPOLLIN, EPOLLOUT, EPOLLPRI;
    /// EPOLLHUP and EPOLLERR come unasked) is pending. The descriptor stays the caller's.
    [[nodiscard]] Source watch(int fd, std::uint32_t events, std::function<void(std::uint32_t)> handler);
    /// Changes what an fd source waits for.
    void modify(const Source& source, std::uint32_t events);

    /// Calls `handler` once after `delay` (CLOCK_MONOTONIC).
    [[nodiscard]] Source after(std::chrono::microseconds delay, std::function<void()> handler);
    /// Calls `handler` once, as soon as the running handler has returned.
    [[nodiscard]] Source defer(std::function<void()> handler);
    /// Blocks the signal for the process and calls `handler` for each delivery. One source per signal. The signal
    /// stays blocked when the source goes; a started program must be given a clean mask (see process.hpp).
    [[nodiscard]] Source onSignal(int signal, std::function<void()> handler);
    /// As onSignal; the handler is told who sent it (the kernel's word; 0: the kernel itself, or who cannot be seen
    /// from our pid namespace).
    [[nodiscard]] Source onSignalFrom(int signal, std::function<void(pid_t sender)> handler);
    /// Calls `handler(status)` once the child has ended, with the status as waitpid(2) gives it,
    /// and reaps it. `pid` must be a child of this process that nobody else waits for.
    [[nodiscard]] Source onExit(pid_t pid, std::function<void(int status)> handler);

    /// Called before each wait; returns how long the loop may sleep at most (negative: for ever).
    /// For a library that brings its own descriptors and deadlines (the bus).
    [[nodiscard]] Source beforeWait(std::function<std::chrono::microseconds()> hook);

    /// What handlers and hooks throw goes to `told`, and the loop goes on; without it, it leaves run(). The descriptor of
    /// a handler that throws is left unwatched for 100 ms, a hook that throws is called again that late: a fault that
    /// stays takes neither the processor nor the log.
    void onFault(std::function<void(const std::exception& error)> told);

    /// Runs until quit(), and returns its code, or until abandon().
    int run();
    void quit(int code = 0) noexcept;
    /// Makes run() throw `error` as soon as the running handler has returned: the program cannot go on.
    void abandon(std::exception_ptr error) noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace zoned::sys
