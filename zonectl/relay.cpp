#include "relay.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <limits>

#include "sys/error.hpp"

namespace zoned::ctl {

namespace {

constexpr std::size_t bufferSize = 128 * 1024;
/// A pty's last output passes through a kernel work queue: how long it may take to show up.
constexpr std::chrono::milliseconds quietTime{150};
/// The most that is taken from a pty or socket after the end of the program.
constexpr std::size_t tailSize = 1024 * 1024;

mode_t typeOf(int fd) {
    struct stat info {};
    sys::check(::fstat(fd, &info), "looking at a stream");
    return info.st_mode & S_IFMT;
}

} // namespace

SharedFd share(sys::UniqueFd fd) {
    return std::make_shared<sys::UniqueFd>(std::move(fd));
}

SharedFd borrow(int fd) {
    return SharedFd(new sys::UniqueFd(fd), [](sys::UniqueFd* owner) {
        (void)owner->release();
        delete owner;
    });
}

struct Relay::Active {
    explicit Active(Stream s) : stream(std::move(s)) {
        sourceIsPipe = typeOf(stream.source->get()) == S_IFIFO;
        targetType = typeOf(stream.target->get());
        const int flags = sys::check(::fcntl(stream.target->get(), F_GETFL), "looking at a stream");
        nonBlocking = (flags & O_NONBLOCK) != 0;
    }

    Stream stream;
    std::string buffer;   // read, not yet written
    std::size_t sent = 0; // of it
    bool sourceIsPipe = false;
    mode_t targetType = 0;
    bool nonBlocking = false;
    bool ended = false;                                           // the source: at its end, or not wanted any more
    std::size_t budget = std::numeric_limits<std::size_t>::max(); // what may still be read

    [[nodiscard]] bool pending() const { return sent < buffer.size(); }
    [[nodiscard]] bool gone() const { return ended && !stream.target; }
    [[nodiscard]] bool reads() const { return !ended && !pending() && budget > 0; }

    /// Returns false where the filter ends the relay.
    bool read();
    void write();
    void abandon();
    void settle();
};

bool Relay::Active::read() {
    buffer.resize(std::min(bufferSize, budget));
    sent = 0;
    const ssize_t got = ::read(stream.source->get(), buffer.data(), buffer.size());
    const int code = errno;
    buffer.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && (code == EINTR || code == EAGAIN)) {
        return true;
    }
    // EIO: the last slave end of a pty was closed, or our own terminal hung up.
    if (got == 0 || (got < 0 && (code == EIO || code == ECONNRESET))) {
        ended = true;
        return true;
    }
    if (got < 0) {
        throw sys::Error("reading a stream", code);
    }
    budget -= buffer.size();
    return !stream.filter || stream.filter(buffer);
}

/// Writes what does not block. A blocking pipe that poll() calls writable has room for PIPE_BUF
/// bytes (pipe(7)); a socket is asked not to block; files do not.
void Relay::Active::write() {
    const int fd = stream.target->get();
    const char* data = buffer.data() + sent;
    const std::size_t length = buffer.size() - sent;
    ssize_t written = 0;
    if (targetType == S_IFSOCK) {
        written = ::send(fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else if (nonBlocking || targetType == S_IFREG) {
        written = ::write(fd, data, length);
    } else {
        written = ::write(fd, data, std::min<std::size_t>(length, PIPE_BUF));
    }
    if (written >= 0) {
        sent += static_cast<std::size_t>(written);
    } else if (errno == EPIPE || errno == ECONNRESET || errno == EIO) {
        abandon();
    } else if (errno != EINTR && errno != EAGAIN) {
        sys::throwErrno("writing a stream");
    }
}

/// Nobody reads the target any more: nor is the source read.
void Relay::Active::abandon() {
    buffer.clear();
    sent = 0;
    ended = true;
    stream.source.reset();
    stream.target.reset();
}

/// Passes the end on once everything is written.
void Relay::Active::settle() {
    if (ended && !pending() && stream.target) {
        if (stream.atEnd) {
            stream.atEnd();
        }
        stream.source.reset();
        stream.target.reset();
    }
}

Relay::Relay() = default;
Relay::~Relay() = default;

void Relay::add(Stream stream) {
    streams_.push_back(std::make_unique<Active>(std::move(stream)));
}
void Relay::add(Watch watch) {
    watches_.push_back(std::move(watch));
}
void Relay::stop() noexcept {
    stopped_ = true;
}

void Relay::finish() {
    finishing_ = true;
    lastRead_ = std::chrono::steady_clock::now();
    for (auto& active : streams_) {
        if (!active->stream.fromZone) {
            active->abandon();
        } else if (!active->ended) {
            // All that the program wrote is in the pipe by now, and is exactly this much.
            int waiting = 0;
            active->budget = tailSize;
            if (active->sourceIsPipe && ::ioctl(active->stream.source->get(), FIONREAD, &waiting) == 0) {
                active->budget = static_cast<std::size_t>(std::max(waiting, 0));
            }
        }
    }
}

bool Relay::done() const {
    if (stopped_ || !finishing_) {
        return stopped_;
    }
    const bool quiet = std::chrono::steady_clock::now() - lastRead_ >= quietTime;
    return std::none_of(streams_.begin(), streams_.end(), [&](const auto& active) {
        const bool over = active->ended || active->budget == 0 || quiet;
        return active->stream.fromZone && (active->pending() || !over);
    });
}

void Relay::run() {
    while (!done()) {
        pollOnce();
    }
    streams_.clear();
}

void Relay::pollOnce() {
    std::vector<pollfd> polled;
    for (const auto& watch : watches_) {
        polled.push_back({watch.fd, watch.events ? watch.events() : static_cast<short>(POLLIN), 0});
    }
    // Two entries for each stream. A target is polled also with nothing to write: its error says
    // that nobody will read it. Not so a socket or pty, whose other direction has its own end.
    for (const auto& active : streams_) {
        const bool idleTarget = active->targetType == S_IFIFO && !active->ended;
        const bool poll = active->stream.target && (active->pending() || idleTarget);
        polled.push_back({active->reads() ? active->stream.source->get() : -1, POLLIN, 0});
        polled.push_back(
            {poll ? active->stream.target->get() : -1, static_cast<short>(active->pending() ? POLLOUT : 0), 0});
    }
    int timeout = finishing_ ? static_cast<int>(quietTime.count()) : -1;
    for (const auto& watch : watches_) {
        const int wanted = watch.timeout ? watch.timeout() : -1;
        timeout = wanted >= 0 && (timeout < 0 || wanted < timeout) ? wanted : timeout;
    }
    if (::poll(polled.data(), polled.size(), timeout) < 0) {
        if (errno == EINTR) {
            return;
        }
        sys::throwErrno("waiting for a stream");
    }

    const std::size_t watchCount = watches_.size();
    for (std::size_t i = 0; i < streams_.size() && !stopped_; ++i) {
        Active& active = *streams_[i];
        const short source = polled[watchCount + 2 * i].revents;
        const short target = polled[watchCount + 2 * i + 1].revents;
        if (active.stream.target && (target & (POLLERR | POLLNVAL)) != 0) {
            active.abandon();
        } else if (target != 0 && active.pending()) {
            active.write();
        }
        if (source != 0 && active.reads()) {
            lastRead_ = std::chrono::steady_clock::now();
            if (!active.read()) {
                stop();
            }
        }
        active.settle();
    }
    std::vector<bool> over(watchCount, false);
    for (std::size_t i = 0; i < watchCount && !stopped_; ++i) {
        if (polled[i].revents != 0 || (watches_[i].timeout && watches_[i].timeout() == 0)) {
            over[i] = !watches_[i].ready();
        }
    }
    for (std::size_t i = watchCount; i-- > 0;) {
        if (over[i]) {
            watches_.erase(watches_.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }
}

} // namespace zoned::ctl
