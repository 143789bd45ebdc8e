#include "bus_connection.hpp"

#include <poll.h>
#include <sys/epoll.h>

#include "sys/error.hpp"

namespace zoned::daemon {
namespace {

using std::chrono::microseconds;

// A storm of messages lets the other sources have their turn.
constexpr int messagesPerTurn = 64;

std::uint32_t epollEvents(short pollEvents) {
    return ((pollEvents & POLLIN) != 0 ? static_cast<std::uint32_t>(EPOLLIN) : 0U) |
           ((pollEvents & POLLOUT) != 0 ? static_cast<std::uint32_t>(EPOLLOUT) : 0U);
}

std::unique_ptr<sdbus::IConnection> connectBus() {
    try {
        return sdbus::createSystemBusConnection();
    } catch (const sdbus::Error& error) {
        throw sys::Error("connecting to the system bus: " + error.getMessage(), 0);
    }
}

} // namespace

BusConnection::BusConnection(sys::EventLoop& loop) : loop_(loop), connection_(connectBus()) {
    const auto poll = connection_->getEventLoopPollData();
    events_ = epollEvents(poll.events);
    // All work is done by the hook, which runs after every wake-up, this one too.
    readable_ = loop_.watch(poll.fd, events_, [](std::uint32_t) {});
    hook_ = loop_.beforeWait([this] { return work(); });
}

microseconds BusConnection::work() {
    try {
        for (int done = 0; api::processPending(*connection_); ++done) {
            if (done_) {
                done_();
            }
            if (done >= messagesPerTurn) {
                return microseconds(0);
            }
        }
        const auto poll = connection_->getEventLoopPollData();
        if (const std::uint32_t events = epollEvents(poll.events); events != events_) {
            events_ = events;
            loop_.modify(readable_, events);
        }
        return api::waitAtMost(*connection_);
    } catch (const sdbus::Error& error) {
        // whoever starts us anew gives us another
        loop_.abandon(
            std::make_exception_ptr(sys::Error("the connection to the bus is lost: " + error.getMessage(), 0)));
        return microseconds(0);
    }
}

sd_bus* BusConnection::raw() {
    // reached by way of a message that is never sent
    const auto proxy = sdbus::createProxy(*connection_, api::serviceName("org.freedesktop.DBus"),
                                          sdbus::ObjectPath("/org/freedesktop/DBus"));
    const auto call = proxy->createMethodCall(api::interfaceName("org.freedesktop.DBus.Peer"), api::methodName("Ping"));
    return sd_bus_message_get_bus(api::RawMessage::of(call));
}

} // namespace zoned::daemon
