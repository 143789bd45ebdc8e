#include "going_down.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

namespace zoned::ctl {

namespace {

constexpr std::chrono::seconds patience{2};
constexpr std::size_t longest = 64; // what they say is a word or two

/// The first bytes that come, up to the end of what is written there or the end of our patience.
std::string firstWords(int fd) {
    const auto end = std::chrono::steady_clock::now() + patience;
    std::string words;
    std::array<char, longest> piece{};
    while (words.size() < longest) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
        pollfd polled{fd, POLLIN, 0};
        if (left <= 0 || ::poll(&polled, 1, static_cast<int>(left)) == 0) {
            break;
        }
        const ssize_t got = ::read(fd, piece.data(), piece.size() - words.size());
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) {
            break;
        }
        words.append(piece.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    }
    return words;
}

} // namespace

bool isGoingDown(Client& client, const ObjectPath& zone, const std::string& initKind) {
    ExecRequest request;
    if (initKind == "systemd") {
        request.argv = {"systemctl", "is-system-running"};
    } else if (initKind == "sysvinit") {
        request.argv = {"runlevel"};
    } else {
        return false; // BusyBox's init is gone in a moment, and OpenRC's does not say
    }
    try {
        const ExecStreams streams = client.execWithoutAsking(zone, request);
        const std::string words = firstWords(streams.stdio.at(1).get());
        // "N 6": from which to which; 0 is halt, 6 reboot
        return words == "stopping\n" || words.ends_with(" 0\n") || words.ends_with(" 6\n");
    } catch (const BusError&) {
        return false;
    }
}

} // namespace zoned::ctl
