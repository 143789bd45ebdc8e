// The supervisor's socket: decodes the service's requests (platform/protocol.hpp)
// and tells it what becomes of the zone. Only the host's own root is heard.
#pragma once

#include <list>
#include <string>

#include "supervisor.hpp"
#include "sys/channel.hpp"
#include "sys/event_loop.hpp"

namespace zoned::supervisor {

class Connections {
public:
    /// @param listener a listening SOCK_SEQPACKET socket
    Connections(sys::EventLoop& loop, sys::UniqueFd listener, const Place& place);

    /// The service manager wants us to end: shuts the zone down, then leaves.
    void stop();
    /// The state at the end, for a service that was not there to hear it: RUN/zones/NAME/exit.json.
    void leaveExitFile() const;
    /// The service is there, and will see our end.
    [[nodiscard]] bool followed() const noexcept { return !clients_.empty(); }

private:
    struct Client {
        sys::Channel channel;
        sys::EventLoop::Source source;
    };
    using ClientAt = std::list<Client>::iterator;

    void take();
    void read(ClientAt client);
    void obey(ClientAt client, const std::string& request);
    void openConsole(Client& client, const std::string& request);
    void setLimits(Client& client, const std::string& request);
    void noteDefinition(const std::string& text) const;
    void enter(ClientAt client, const std::string& request);
    void answer(Client& client, const std::string& text, const std::vector<int>& fds = {});
    void drop(ClientAt client);
    void tellAll(const std::string& text);
    void leaveIfIdle();
    void statusChanged();
    void tellUnit(const std::string& state, const std::string& why);
    void announce();
    [[nodiscard]] bool endedBadly() const;

    sys::EventLoop& loop_;
    sys::UniqueFd listener_;
    Place place_;
    Supervisor supervisor_;
    std::list<Client> clients_;
    sys::EventLoop::Source listenSource_;
    sys::EventLoop::Source leaving_;
    bool asked_ = false; // a request has come: an idle supervisor has a reason to leave
    bool strangerTold_ = false;
    bool announced_ = false; // the service manager knows that the unit is up
    std::string refusal_;    // why the service does not boot the zone
    platform::Status last_;  // told to the clients
    std::string told_;       // to the service manager, of the zone's state
};

} // namespace zoned::supervisor
