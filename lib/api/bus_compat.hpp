// The one home of what differs between sdbus-c++ 1.2 (Debian 12) and 2.x
// (Debian 13): both the daemon and zonectl go through these few names.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

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
/// Calls `handler(message)` for each message that matches, as long as the connection lives.
template <typename Handler>
void addMatch(sdbus::IConnection& connection, const std::string& match, Handler&& handler) {
    connection.addMatch(match, std::forward<Handler>(handler));
}
inline void emitChanged(sdbus::IObject& object, const std::string& interface, const std::vector<std::string>& names) {
    std::vector<sdbus::PropertyName> typed;
    for (const std::string& name : names) {
        typed.emplace_back(name);
    }
    object.emitPropertiesChangedSignal(sdbus::InterfaceName{interface}, typed);
}
/// Effective user of the sender of the message that `object` is handling.
inline uid_t senderUid(sdbus::IObject& object) {
    return object.getCurrentlyProcessedMessage().getCredsEuid();
}

#else

using ReplyError = const sdbus::Error*;

inline sdbus::Error makeError(std::string_view name, const std::string& text) {
    return sdbus::Error{std::string{name}, text};
}
inline std::string serviceName(const std::string& name) {
    return name;
}
inline bool processPending(sdbus::IConnection& connection) {
    return connection.processPendingRequest();
}
inline std::chrono::microseconds waitAtMost(const sdbus::IConnection& connection) {
    return connection.getEventLoopPollData().getRelativeTimeout().value_or(std::chrono::microseconds(-1));
}
template <typename Handler>
void addMatch(sdbus::IConnection& connection, const std::string& match, Handler&& handler) {
    connection.addMatch(match, std::forward<Handler>(handler), sdbus::floating_slot);
}
inline void emitChanged(sdbus::IObject& object, const std::string& interface, const std::vector<std::string>& names) {
    object.emitPropertiesChangedSignal(interface, names);
}
inline uid_t senderUid(sdbus::IObject& object) {
    const sdbus::Message* message = object.getCurrentlyProcessedMessage();
    return message == nullptr ? static_cast<uid_t>(-1) : message->getCredsEuid();
}

#endif

/// The error's D-Bus name, "org.zoned1.Error.Busy".
inline std::string nameOf(const sdbus::Error& error) {
    return std::string{error.getName()};
}

} // namespace zoned::api
