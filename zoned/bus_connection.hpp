// A connection to the bus, as one more source of the event loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "api/bus_compat.hpp"
#include "sys/event_loop.hpp"

namespace zoned::daemon {

class BusConnection {
public:
    /// Connects to the system bus (DBUS_SYSTEM_BUS_ADDRESS chooses another). Throws sys::Error.
    explicit BusConnection(sys::EventLoop& loop);

    [[nodiscard]] sdbus::IConnection& operator*() noexcept { return *connection_; }
    [[nodiscard]] sdbus::IConnection* operator->() noexcept { return connection_.get(); }
    [[nodiscard]] sd_bus* raw();

    /// `done` is called whenever a message has been handled.
    void afterEach(std::function<void()> done) { done_ = std::move(done); }

private:
    [[nodiscard]] std::chrono::microseconds work();

    sys::EventLoop& loop_;
    std::unique_ptr<sdbus::IConnection> connection_;
    std::function<void()> done_;
    sys::EventLoop::Source readable_;
    sys::EventLoop::Source hook_;
    std::uint32_t events_ = 0;
};

} // namespace zoned::daemon
