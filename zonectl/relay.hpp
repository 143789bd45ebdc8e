// Carries bytes between zonectl's own standard streams and the pipes, pty or
// socket of a zone, in both directions at once.
//
// It is poll(2) and not the event loop of lib/sys: standard input and output
// may be plain files, which epoll refuses. Descriptors that zonectl inherited
// are never made non-blocking, because the flag would be seen by everyone who
// shares them, the user's shell first; they are read and written only as much
// as poll() promises not to block.
//
// Each stream has one buffer. A reader that is slow stops the writer on the
// other side (back-pressure), never the other streams. The end of a source
// closes the target it feeds; a target that is gone closes the source, so that
// `zonectl exec web -- yes | head -1` ends as it does without a zone between.
// SIGPIPE must be ignored by the process.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sys/unique_fd.hpp"

namespace zoned::ctl {

/// A descriptor shared by the two directions of a pty or socket; the last user closes it.
using SharedFd = std::shared_ptr<sys::UniqueFd>;
[[nodiscard]] SharedFd share(sys::UniqueFd fd);
/// A descriptor that stays the caller's (standard input and output).
[[nodiscard]] SharedFd borrow(int fd);

struct Stream {
    SharedFd source;
    SharedFd target;
    /// Counted by finish(): what the zone writes, as opposed to what the user types.
    bool fromZone = false;
    /// May change what was read; false ends the relay.
    std::function<bool(std::string&)> filter;
    /// Called once at the end of the source, when all is written; by default the target is let go.
    std::function<void()> atEnd;
};

/// Something else to wait for beside the streams.
struct Watch {
    int fd;
    std::function<short()> events; // empty: POLLIN
    /// Called when the descriptor is ready or the time is up; false: never again.
    std::function<bool()> ready;
    /// How long poll may sleep for its sake, in milliseconds; negative or empty: for ever.
    std::function<int()> timeout;
};

class Relay {
public:
    Relay();
    ~Relay();
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    void add(Stream stream);
    void add(Watch watch);

    /// Runs until stop(), or until finish() is done; lets go of all streams then.
    void run();
    /// Leaves run() at once.
    void stop() noexcept;
    /// The program at the other end has ended: everything it wrote is still handed on, then run()
    /// returns, also where a process it left behind keeps the pipes open.
    void finish();

private:
    struct Active;
    void pollOnce();
    [[nodiscard]] bool done() const;

    std::vector<std::unique_ptr<Active>> streams_;
    std::vector<Watch> watches_;
    bool stopped_ = false;
    bool finishing_ = false;
    std::chrono::steady_clock::time_point lastRead_;
};

} // namespace zoned::ctl
