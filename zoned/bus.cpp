#include "bus.hpp"

#include <poll.h>
#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <limits>

#include <spdlog/spdlog.h>

#include "sys/error.hpp"

namespace zoned::daemon {
namespace {

using std::chrono::microseconds;

// A storm of messages lets the other sources have their turn.
constexpr int messagesPerTurn = 64;

constexpr const char* systemdName = "org.freedesktop.systemd1";
constexpr const char* systemdPath = "/org/freedesktop/systemd1";
constexpr const char* systemdManager = "org.freedesktop.systemd1.Manager";

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

Bus::Bus(sys::EventLoop& loop) : loop_(loop), connection_(connectBus()) {
    const auto poll = connection_->getEventLoopPollData();
    events_ = epollEvents(poll.events);
    // All work is done by the hook, which runs after every wake-up, this one too.
    readable_ = loop_.watch(poll.fd, events_, [](std::uint32_t) {});
    hook_ = loop_.beforeWait([this] { return work(); });
}

microseconds Bus::work() {
    try {
        for (int done = 0; api::processPending(*connection_); ++done) {
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
        throw sys::Error("the connection to the bus is lost: " + error.getMessage(), 0);
    }
}

void Bus::requestName(const std::string& name) {
    try {
        connection_->requestName(api::serviceName(name));
    } catch (const sdbus::Error& error) {
        throw sys::Error("taking the name " + name + " on the bus: " + error.getMessage() +
                             " (does another zoned run, or does the bus's policy forbid it?)",
                         0);
    }
}

std::vector<gid_t> Bus::groupsOf(const std::string& connectionName) {
    try {
        const auto daemon = sdbus::createProxy(*connection_, api::serviceName("org.freedesktop.DBus"),
                                               sdbus::ObjectPath("/org/freedesktop/DBus"));
        std::map<std::string, sdbus::Variant> credentials;
        daemon->callMethod("GetConnectionCredentials")
            .onInterface("org.freedesktop.DBus")
            .withArguments(connectionName)
            .storeResultsTo(credentials);
        const auto groups = credentials.find("UnixGroupIDs");
        return groups == credentials.end() ? std::vector<gid_t>{} : groups->second.get<std::vector<gid_t>>();
    } catch (const sdbus::Error& error) {
        spdlog::debug("the groups of {}: {}", connectionName, std::string(error.getMessage()));
        return {};
    }
}

sdbus::IProxy& Bus::systemd() {
    if (!systemd_) {
        systemd_ = sdbus::createProxy(*connection_, api::serviceName(systemdName), sdbus::ObjectPath(systemdPath));
        api::addMatch(*connection_,
                      std::string("type='signal',sender='") + systemdName + "',interface='" + systemdManager +
                          "',member='JobRemoved'",
                      [this](auto&& message) {
                          std::uint32_t id = 0;
                          sdbus::ObjectPath job;
                          std::string unit;
                          std::string result;
                          message >> id >> job >> unit >> result;
                          unitJobEnded(job, unit, result);
                      });
    }
    return *systemd_;
}

/// systemd tells the end of a job to whoever asked for it, after the reply that named the job.
void Bus::unitJobEnded(const std::string& job, const std::string& unit, const std::string& result) {
    if (const auto node = starting_.extract(job); !node.empty()) {
        if (unitJobs_.ended) {
            unitJobs_.ended(job, unit, false);
        }
        node.mapped()(result == "done" ? "" : "the start has " + result);
    } else if (unitJobs_.ended) {
        unitJobs_.ended(job, unit, result == "done");
    }
}

void Bus::watchUnitJobs(UnitJobs jobs) {
    unitJobs_ = std::move(jobs);
    api::addMatch(*connection_,
                  std::string("type='signal',sender='") + systemdName + "',interface='" + systemdManager +
                      "',member='JobNew'",
                  [this](auto&& message) {
                      std::uint32_t id = 0;
                      sdbus::ObjectPath job;
                      std::string unit;
                      message >> id >> job >> unit;
                      unitJobs_.began(job, unit);
                  });
    // the ends of others' jobs are told only while somebody is subscribed; systemd keeps that over daemon-reexec
    systemd().callMethodAsync("Subscribe").onInterface(systemdManager).uponReplyInvoke([](api::ReplyError error) {
        if (error) {
            spdlog::warn("subscribing to systemd: {}; a zone whose unit is stopped while it waits to be restarted "
                         "may be restarted all the same",
                         std::string(error->getMessage()));
        }
    });
}

void Bus::askUnitState(const std::string& unit, std::function<void(const std::string&)> then) {
    // name, description, load state, active state, sub state, following, object, job, its type, its object
    using Unit = sdbus::Struct<std::string, std::string, std::string, std::string, std::string, std::string,
                               sdbus::ObjectPath, std::uint32_t, std::string, sdbus::ObjectPath>;
    systemd()
        .callMethodAsync("ListUnitsByNames")
        .onInterface(systemdManager)
        .withArguments(std::vector<std::string>{unit})
        .uponReplyInvoke([then = std::move(then)](api::ReplyError error, const std::vector<Unit>& units) {
            then(error || units.empty() ? "" : std::get<3>(units.front()));
        });
}

void Bus::startUnit(const std::string& unit, std::function<void(const std::string&)> then) {
    systemd()
        .callMethodAsync("StartUnit")
        .onInterface(systemdManager)
        .withArguments(unit, std::string("replace"))
        .uponReplyInvoke([this, then = std::move(then)](api::ReplyError error, const sdbus::ObjectPath& job) {
            if (error) {
                then(error->getMessage());
            } else {
                starting_[job] = then;
            }
        });
}

void Bus::reloadUnits(std::function<void(const std::string&)> then) {
    systemd()
        .callMethodAsync("Reload")
        .onInterface(systemdManager)
        .uponReplyInvoke(
            [then = std::move(then)](api::ReplyError error) { then(error ? std::string(error->getMessage()) : ""); });
}

void Bus::resetFailedUnit(const std::string& unit) {
    systemd()
        .callMethodAsync("ResetFailedUnit")
        .onInterface(systemdManager)
        .withArguments(unit)
        .uponReplyInvoke([unit](api::ReplyError error) {
            if (error) { // mostly: systemd does not even know the unit
                spdlog::debug("forgetting the failure of {}: {}", unit, std::string(error->getMessage()));
            }
        });
}

void Bus::killUnit(const std::string& unit, int signal) {
    systemd()
        .callMethodAsync("KillUnit")
        .onInterface(systemdManager)
        .withArguments(unit, std::string("main"), static_cast<std::int32_t>(signal))
        .uponReplyInvoke([unit](api::ReplyError error) {
            if (error) {
                spdlog::warn("killing {}: {}", unit, std::string(error->getMessage()));
            }
        });
}

} // namespace zoned::daemon
