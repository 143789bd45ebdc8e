// The one home of what differs between sdbus-c++ 1.2 (Debian 12) and 2.x
// (Debian 13): both the daemon and zonectl go through these few names.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
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
inline void emitChanged(sdbus::IObject& object, const std::string& interface, const std::vector<std::string>& names) {
    object.emitPropertiesChangedSignal(interface, names);
}
inline uid_t senderUid(sdbus::IObject& object) {
    const sdbus::Message* message = object.getCurrentlyProcessedMessage();
    return message == nullptr ? static_cast<uid_t>(-1) : message->getCredsEuid();
}

#endif

/// Calls `handler(sdbus::Message&)` for every message that the match rule takes, until the slot is let go.
template <typename Handler>
[[nodiscard]] inline sdbus::Slot addMatch(sdbus::IConnection& connection, const std::string& rule, Handler handler) {
#if ZONED_SDBUS_MAJOR >= 2
    return connection.addMatch(
        rule, [handler](sdbus::Message message) { handler(message); }, sdbus::return_slot);
#else
    return connection.addMatch(rule, [handler](sdbus::Message& message) { handler(message); });
#endif
}

/// The error's D-Bus name, "org.zoned1.Error.Busy".
inline std::string nameOf(const sdbus::Error& error) {
    return std::string{error.getName()};
}

} // namespace zoned::api
