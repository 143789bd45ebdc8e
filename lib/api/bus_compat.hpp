// The home of what differs between sdbus-c++ 1.2 (Debian 12) and 2.x (Debian 13): both the daemon and zonectl go through
// these few names. (What concerns adaptors alone is in adaptor_recorder.hpp.)
#pragma once

#include <sdbus-c++/sdbus-c++.h>
#include <systemd/sd-bus.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if __has_include(<sdbus-c++/VTableItems.h>)
#define ZONED_SDBUS_MAJOR 2
#else
#define ZONED_SDBUS_MAJOR 1
#endif

namespace zoned::api {

#if ZONED_SDBUS_MAJOR >= 2

/// What a handler of an asynchronous reply gets first: true where the call failed, then `->getMessage()`.
using ReplyError = std::optional<sdbus::Error>;

inline sdbus::Error makeError(std::string_view name, const std::string& text) {
    return sdbus::Error{sdbus::Error::Name{std::string{name}}, text};
}
inline sdbus::ServiceName serviceName(const std::string& name) {
    return sdbus::ServiceName{name};
}
inline sdbus::InterfaceName interfaceName(const std::string& name) {
    return sdbus::InterfaceName{name};
}
inline sdbus::MethodName methodName(const std::string& name) {
    return sdbus::MethodName{name};
}
inline sdbus::SignalName signalName(const std::string& name) {
    return sdbus::SignalName{name};
}
/// One step of the connection's own work; false where nothing was left to do.
inline bool processPending(sdbus::IConnection& connection) {
    return connection.processPendingEvent();
}
/// How long to wait for the connection's descriptor at most; negative: for ever.
///
/// PollData::eventFd, new in 2.0, tells a loop that sleeps that another thread has changed this or left messages in
/// the queues. There is no other thread here, and both loops ask anew before each wait, so nobody watches it.
inline std::chrono::microseconds waitAtMost(const sdbus::IConnection& connection) {
    const std::chrono::microseconds relative = connection.getEventLoopPollData().getRelativeTimeout();
    return relative == std::chrono::microseconds::max() ? std::chrono::microseconds(-1) : relative;
}
inline void addRawMatch(sdbus::IConnection& connection, const std::string& match,
                        std::function<void(sdbus::Message&)> handler) {
    connection.addMatch(match, [handler = std::move(handler)](sdbus::Message message) { handler(message); });
}
/// Calls `read` with the message that `object` is handling.
template <typename Read>
auto withMessage(sdbus::IObject& object, Read read) {
    return read(object.getCurrentlyProcessedMessage());
}

#else

using ReplyError = const sdbus::Error*;

inline sdbus::Error makeError(std::string_view name, const std::string& text) {
    return sdbus::Error{std::string{name}, text};
}
inline std::string serviceName(const std::string& name) {
    return name;
}
inline std::string interfaceName(const std::string& name) {
    return name;
}
inline std::string methodName(const std::string& name) {
    return name;
}
inline std::string signalName(const std::string& name) {
    return name;
}
inline bool processPending(sdbus::IConnection& connection) {
    return connection.processPendingRequest();
}
inline std::chrono::microseconds waitAtMost(const sdbus::IConnection& connection) {
    return connection.getEventLoopPollData().getRelativeTimeout().value_or(std::chrono::microseconds(-1));
}
inline void addRawMatch(sdbus::IConnection& connection, const std::string& match,
                        std::function<void(sdbus::Message&)> handler) {
    connection.addMatch(match, std::move(handler), sdbus::floating_slot);
}
template <typename Read>
auto withMessage(sdbus::IObject& object, Read read) {
    return read(*object.getCurrentlyProcessedMessage());
}

#endif

/// sd-bus's message below one of sdbus-c++, for what neither version passes on.
class RawMessage : public sdbus::Message {
public:
    static sd_bus_message* of(const sdbus::Message& message) {
        return static_cast<sd_bus_message*>(message.*(&RawMessage::msg_));
    }
};

/// Whether the bus has chosen us as one who asked for such signals, and so has looked who sends it. One that is sent to
/// us alone comes from whoever likes to, whatever our matches say of its sender.
inline bool isBroadcast(sd_bus_message* message) {
    return sd_bus_message_get_destination(message) == nullptr;
}

/// Calls `handler(message)` for each signal that matches, as long as the connection lives.
template <typename Handler>
void addMatch(sdbus::IConnection& connection, const std::string& match, Handler handler) {
    addRawMatch(connection, match, [handler = std::move(handler)](sdbus::Message& message) {
        if (isBroadcast(RawMessage::of(message))) {
            handler(message);
        }
    });
}

/// A message of sd-bus's as one of sdbus-c++'s, MethodCall, say.
/// @param like any message of the same connection
template <typename Kind>
class Wrapped : public Kind {
public:
    Wrapped(sd_bus_message* message, const sdbus::Message& like) {
        this->msg_ = sd_bus_message_ref(message);
#if ZONED_SDBUS_MAJOR >= 2
        this->connection_ = like.*(&Wrapped::connection_);
#else
        this->sdbus_ = like.*(&Wrapped::sdbus_);
#endif
    }
};

/// Calls `handler(message)` with each message that matches, as long as the connection of `proxy` lives; isBroadcast() is
/// for the handler to ask. Unlike addMatch() it does not wait until the bus has taken the match: the bus handles in their
/// order what a connection sends, so that whatever is asked for afterwards is answered after it. Where the bus refuses
/// the match, sd-bus ends the connection.
template <typename Proxy>
void addMatchAhead(Proxy& proxy, const char* match, int (*handler)(sd_bus_message*, void*, sd_bus_error*), void* data) {
    const auto call = proxy.createMethodCall(interfaceName("org.freedesktop.DBus.Peer"), methodName("Ping"));
    sd_bus* const bus = sd_bus_message_get_bus(RawMessage::of(call));
    if (const int code = sd_bus_add_match_async(bus, nullptr, match, handler, nullptr, data); code < 0) {
        throw makeError("org.freedesktop.DBus.Error.Failed", "subscribing to signals: " + std::string(match));
    }
}

struct Sender {
    std::string name;         // its unique name on the bus
    bool interactive = false; // the message has the flag ALLOW_INTERACTIVE_AUTHORIZATION
};
/// Who sent the message that `object` is handling.
inline Sender senderOf(sdbus::IObject& object) {
    return withMessage(object, [](const sdbus::Message& message) {
        return Sender{message.getSender(),
                      sd_bus_message_get_allow_interactive_authorization(RawMessage::of(message)) > 0};
    });
}

/// Lets the other side ask a person for a password, or not, in all calls that are made on the proxy's connection from
/// now on.
inline void allowInteraction(sdbus::IProxy& proxy, bool allowed) {
    // the connection is reached by way of a message that is never sent
    const auto message = proxy.createMethodCall(interfaceName("org.freedesktop.DBus.Peer"), methodName("Ping"));
    sd_bus_set_allow_interactive_authorization(sd_bus_message_get_bus(RawMessage::of(message)), allowed ? 1 : 0);
}

/// The error's D-Bus name, "org.zoned1.Error.Busy".
inline std::string nameOf(const sdbus::Error& error) {
    return std::string{error.getName()};
}

} // namespace zoned::api
