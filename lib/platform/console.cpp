#include "platform/console.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/pty.hpp"
#include "sys/received_fds.hpp"
#include "zone/seats.hpp"

namespace zoned::platform {

namespace {

constexpr std::size_t historyBytes = 64 * 1024;
constexpr std::uint64_t logBytes = 1024 * 1024; // and as much again in the rotated one
constexpr std::size_t viewerBytes = 256 * 1024; // how far a viewer may lag behind
/// Each may lag behind by viewerBytes.
constexpr zone::Seats viewers{32, 8, 8};
constexpr std::size_t typedBytes = 64 * 1024;
constexpr std::size_t pieceBytes = 16 * 1024;
/// One turn of the loop reads no more, so that a flood of output does not keep requests waiting.
constexpr int piecesATurn = 8;
constexpr std::string_view lostMark = "\r\n[some output was left out here]\r\n";

} // namespace

Console::Console(sys::EventLoop& loop, std::string logPath, std::function<void()> whenUnwatched)
    : loop_(loop), logPath_(std::move(logPath)), whenUnwatched_(std::move(whenUnwatched)) {}

void Console::connect(sys::UniqueFd master) {
    disconnect();
    master_ = std::move(master);
    slave_ = sys::openPtySlave(master_.get());
    sys::setWindowSize(master_.get(), 24, 80);
    sys::setNonBlocking(master_.get());
    masterSource_ = loop_.watch(master_.get(), EPOLLIN, [this](std::uint32_t events) {
        if ((events & EPOLLOUT) != 0) {
            flushInput();
        }
        readTerminal();
        if ((events & EPOLLHUP) != 0) {
            slave_ = sys::openPtySlave(master_.get()); // vhangup(2) in the zone took ours away
        }
    });
}

void Console::disconnect() {
    if (!master_) {
        return;
    }
    for (int turn = 0; turn < 16; ++turn) {
        readTerminal();
    }
    if (journal_) {
        journal_->finish();
    }
    masterSource_.reset();
    slave_.reset();
    master_.reset();
    typed_.clear();
}

void Console::readTerminal() {
    std::array<char, pieceBytes> piece;
    for (int turn = 0; turn < piecesATurn; ++turn) {
        const ssize_t length = ::read(master_.get(), piece.data(), piece.size());
        if (length <= 0) {
            return; // EAGAIN, or EIO from a terminal that was hung up
        }
        const std::string_view output(piece.data(), static_cast<std::size_t>(length));
        publish(output);
        const std::string answers = queries_.answersTo(output);
        if (!watched() && !answers.empty()) {
            type(answers); // a viewer's own terminal answers by itself
        }
    }
}

void Console::publish(std::string_view output) {
    history_ += output;
    if (history_.size() > 2 * historyBytes) {
        history_.erase(0, history_.size() - historyBytes);
    }
    const std::string text = cleaner_.feed(output);
    log(text);
    if (journal_) {
        journal_->feed(text);
    }
    for (auto viewer = viewers_.begin(); viewer != viewers_.end();) {
        const auto next = std::next(viewer);
        if (viewer->outgoing.size() + output.size() > viewerBytes) {
            viewer->lost = true;
        } else if (!viewer->lost) {
            viewer->outgoing += output;
            flush(*viewer);
        }
        viewer = next;
    }
}

void Console::log(std::string_view text) {
    if (!log_) {
        log_.reset(::open(logPath_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        struct stat info {};
        logged_ = log_ && ::fstat(log_.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
    }
    // a full disk costs the log, never the zone
    const ssize_t written = log_ ? ::write(log_.get(), text.data(), text.size()) : -1;
    logged_ += written > 0 ? static_cast<std::uint64_t>(written) : 0;
    if (logged_ > logBytes) {
        log_.reset();
        (void)::rename(logPath_.c_str(), (logPath_ + ".1").c_str());
    }
}

void Console::type(std::string_view input) {
    if (master_ && typed_.size() + input.size() <= typedBytes) {
        typed_ += input;
        flushInput();
    }
}

void Console::flushInput() {
    while (!typed_.empty()) {
        const ssize_t written = ::write(master_.get(), typed_.data(), typed_.size());
        if (written <= 0) {
            break;
        }
        typed_.erase(0, static_cast<std::size_t>(written));
    }
    loop_.modify(masterSource_, typed_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

sys::UniqueFd Console::addViewer(uid_t by) {
    std::vector<std::uint32_t> users;
    std::ranges::transform(viewers_, std::back_inserter(users), &Viewer::by);
    if (const std::string why = zone::refusal(viewers, by, users); !why.empty()) {
        throw sys::Error("opening a view of the console: " + why, 0);
    }
    std::array<int, 2> ends{};
    sys::check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), "connecting to the console");
    sys::UniqueFd theirs(ends[1]);
    Viewer& added = viewers_.emplace_back();
    const ViewerAt viewer = std::prev(viewers_.end());
    added.socket.reset(ends[0]);
    added.by = by;
    sys::setNonBlocking(added.socket.get());
    sys::refuseDescriptors(added.socket.get());
    added.source =
        loop_.watch(added.socket.get(), EPOLLIN, [this, viewer](std::uint32_t events) { serve(viewer, events); });
    added.outgoing = replay();
    flush(added);
    return theirs;
}

/// The last output for one who comes later. What asked a terminal then asked another one: the answers of this one would
/// be typed at whatever reads the console now, a shell with nobody else in front of it.
std::string Console::replay() const {
    std::string_view last(history_);
    if (last.size() > historyBytes) {
        last.remove_prefix(last.size() - historyBytes);
        last.remove_prefix(std::min(last.find('\n'), last.size() - 1) + 1); // no half line, and no half character
    }
    return TextCleaner(TextCleaner::Keep::looks).feed(last);
}

void Console::serve(ViewerAt viewer, std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) {
        flush(*viewer);
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        std::array<char, 4096> piece;
        const ssize_t length = sys::readBytes(viewer->socket.get(), piece.data(), piece.size());
        if (length > 0) {
            type(std::string_view(piece.data(), static_cast<std::size_t>(length)));
        } else if (length == 0 || errno != EAGAIN) {
            dropViewer(viewer);
        }
    }
}

void Console::flush(Viewer& viewer) {
    while (!viewer.outgoing.empty()) {
        const ssize_t sent = ::send(viewer.socket.get(), viewer.outgoing.data(), viewer.outgoing.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            break; // EAGAIN; a viewer that has gone is noticed by its EPOLLHUP
        }
        viewer.outgoing.erase(0, static_cast<std::size_t>(sent));
        if (viewer.outgoing.empty() && viewer.lost) {
            viewer.lost = false;
            viewer.outgoing = lostMark;
        }
    }
    loop_.modify(viewer.source, viewer.outgoing.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

void Console::dropViewer(ViewerAt viewer) {
    viewers_.erase(viewer);
    if (viewers_.empty()) {
        whenUnwatched_();
    }
}

} // namespace zoned::platform
