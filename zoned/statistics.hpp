// What zones and the host use, read when somebody asks: nothing is polled and nothing kept.
//
// A thousand zones are some twenty thousand small files: they are read a few zones at a turn of the loop, so that
// everything else goes on meanwhile. Requests that come while a collection runs wait for the next one and share it,
// so that many who ask at once cost no more than one.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cgroup_numbers.hpp"
#include "host_numbers.hpp"
#include "registry.hpp"
#include "sys/event_loop.hpp"
#include "sys/netlink.hpp"

namespace zoned::daemon {

struct ZoneSample {
    std::string name;
    std::string state;
    Numbers numbers; // none where the zone is not active
};

struct Sample {
    Numbers host;
    std::vector<ZoneSample> zones; // by name
};

class Statistics {
public:
    using Then = std::function<void(const Sample&)>;

    Statistics(sys::EventLoop& loop, const Host& host, Registry& registry)
        : loop_(loop), host_(host), registry_(registry) {}

    /// @param names of zones, which must exist (Fault noSuchZone); none: all that are active
    void collect(const std::vector<std::string>& names, Then then);
    /// Of one zone, at once. Throws Fault noSuchZone.
    [[nodiscard]] Numbers of(const std::string& name);

private:
    struct Request {
        std::set<zone::ZoneName> names; // none: all that are active
        Then then;
    };
    struct Round {
        std::vector<Request> requests;
        std::vector<zone::ZoneName> left; // to be read, the last first
        std::map<std::string, sys::LinkCounters> links;
        BlockDevices devices;
        Numbers host;
        std::map<zone::ZoneName, ZoneSample> read;
    };
    /// The host's ends of a zone's interfaces, and the boot that they belong to.
    struct Ports {
        zone::State state = zone::State::installed;
        std::uint32_t initPid = 0;
        std::int64_t since = 0;
        std::vector<std::string> names;
    };

    using FindLink = std::function<std::optional<sys::LinkCounters>(const std::string&)>;

    void begin();
    void turn();
    void finish();
    [[nodiscard]] Numbers read(const zone::ZoneName& name, BlockDevices& devices, const FindLink& link);
    [[nodiscard]] const std::vector<std::string>& portsOf(const zone::ZoneName& name, const ZoneView& view);
    void forget();

    sys::EventLoop& loop_;
    const Host& host_;
    Registry& registry_;
    std::vector<Request> waiting_;
    std::optional<Round> round_;
    sys::EventLoop::Source next_;
    std::map<zone::ZoneName, Ports> ports_;
};

} // namespace zoned::daemon
