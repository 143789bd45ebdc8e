#include "platform/handshake.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <nlohmann/json.hpp>

#include "sys/error.hpp"

namespace zoned::platform {

namespace {

using Json = nlohmann::json;

/// A mount source on a dead network file system is the slowest thing a boot can meet.
constexpr time_t longestWaitSeconds = 30;

} // namespace

bool sendMessage(sys::Channel& channel, const std::string& kind, const std::vector<std::string>& words,
                 const std::vector<int>& fds, int code) {
    const Json json = {{"kind", kind}, {"words", words}, {"code", code}};
    return channel.send(json.dump(-1, ' ', false, Json::error_handler_t::replace), fds);
}

std::optional<Message> nextMessage(sys::Channel& channel, const std::string& waitingFor) {
    std::optional<sys::Packet> packet;
    try {
        packet = channel.receive();
    } catch (const sys::Error& error) {
        if (error.code() == EAGAIN) {
            throw sys::Error("waiting for " + waitingFor + ": no answer in 30 s", ETIMEDOUT);
        }
        throw;
    }
    if (!packet) {
        return std::nullopt;
    }
    const Json json = Json::parse(packet->data, nullptr, false);
    if (!json.is_object()) {
        throw sys::Error("waiting for " + waitingFor + ": a message is damaged", EBADMSG);
    }
    Message message;
    message.kind = json.value("kind", "");
    message.words = json.value("words", std::vector<std::string>{});
    message.code = json.value("code", 0);
    message.fds = std::move(packet->fds);
    if (message.kind == "error") {
        throw sys::Error(message.words.empty() ? waitingFor : message.words.front(), message.code);
    }
    return message;
}

Message receiveMessage(sys::Channel& channel, const std::string& kind, std::size_t fds, const std::string& waitingFor) {
    std::optional<Message> message = nextMessage(channel, waitingFor);
    if (!message) {
        throw sys::Error("waiting for " + waitingFor + ": the process ended", ECONNRESET);
    }
    if (message->kind != kind || message->fds.size() != fds) {
        throw sys::Error("waiting for " + waitingFor + ": got \"" + message->kind + "\" instead", EPROTO);
    }
    return std::move(*message);
}

void receiveEnd(sys::Channel& channel, const std::string& waitingFor) {
    if (const auto message = nextMessage(channel, waitingFor)) {
        throw sys::Error("waiting for " + waitingFor + ": got \"" + message->kind + "\" instead", EPROTO);
    }
}

void throwPendingError(sys::Channel& channel) {
    pollfd wait{channel.fd(), POLLIN, 0};
    if (::poll(&wait, 1, 0) == 1 && (wait.revents & POLLIN) != 0) {
        (void)nextMessage(channel, "the zone's first process");
    }
}

void limitWaiting(sys::Channel& channel) {
    const timeval limit{longestWaitSeconds, 0};
    sys::check(::setsockopt(channel.fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit),
               "bounding the wait for the zone's first process");
}

} // namespace zoned::platform
