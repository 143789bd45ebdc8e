#include "bus.hpp"

#include <chrono>
#include <cstdint>

#include <spdlog/spdlog.h>

#include "api/error_names.hpp"
#include "border.hpp"
#include "message_size.hpp"
#include "sys/error.hpp"

namespace zoned::daemon {
namespace {

constexpr const char* systemdName = "org.freedesktop.systemd1";
constexpr const char* systemdPath = "/org/freedesktop/systemd1";
constexpr const char* systemdManager = "org.freedesktop.systemd1.Manager";

void refuse(sd_bus_message* message, const char* name, const std::string& why) {
    if (const int code = sd_bus_reply_method_errorf(message, name, "%s", why.c_str()); code < 0) {
        spdlog::debug("refusing a call: {}", sys::Error("sending the answer", -code).what());
    }
}

} // namespace

Bus::Bus(sys::EventLoop& loop) : callers_(loop), connection_(loop) {
    if (const int code = sd_bus_add_filter(connection_.raw(), nullptr, &judge, this); code < 0) {
        throw sys::Error("putting the turnstile before the bus", -code);
    }
    connection_.afterEach([this] { turnstile_.leave(Turnstile::Clock::now()); });
    api::addMatch(*connection_,
                  "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                  "member='NameOwnerChanged',arg2=''",
                  [this](auto&& message) {
                      std::string name;
                      message >> name;
                      callers_.gone(name);
                  });
}

/// What sd-bus calls with each message, before anything is made of it.
int Bus::judge(sd_bus_message* message, void* self, sd_bus_error*) noexcept {
    try {
        return static_cast<Bus*>(self)->letIn(message) ? 0 : 1;
    } catch (const std::exception& error) {
        spdlog::error("a call on the bus is dropped: {}", error.what());
        return 1;
    }
}

bool Bus::letIn(sd_bus_message* message) {
    if (sd_bus_message_is_method_call(message, nullptr, nullptr) <= 0) {
        return true;
    }
    const auto now = Turnstile::Clock::now();
    const char* const sender = sd_bus_message_get_sender(message);
    const uid_t uid = callers_.of(sender == nullptr ? "" : sender).uid;
    if (const std::string why = turnstile_.tooBusyFor(uid, now); !why.empty()) {
        refuse(message, SD_BUS_ERROR_LIMITS_EXCEEDED, why);
        return false;
    }
    const std::size_t bytes = sizeOf(message, turnstile_.limits().callBytes);
    if (const std::string why = turnstile_.tooLarge(bytes); !why.empty()) {
        refuse(message, api::errorName(zone::FaultKind::invalidArgument).data(), why);
        turnstile_.charge(uid, Turnstile::Clock::now() - now, now); // to measure it costs its bytes
        return false;
    }
    if (const std::string why = turnstile_.enter(uid, bytes, now); !why.empty()) {
        refuse(message, SD_BUS_ERROR_LIMITS_EXCEEDED, why);
        return false;
    }
    return true;
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

sdbus::IProxy& Bus::systemd() {
    if (!systemd_) {
        systemd_ = sdbus::createProxy(*connection_, api::serviceName(systemdName), sdbus::ObjectPath(systemdPath));
        api::addMatch(*connection_,
                      std::string("type='signal',sender='") + systemdName + "',interface='" + systemdManager +
                          "',member='JobRemoved'",
                      [this](auto&& message) {
                          attempt("hearing systemd", [&] {
                              std::uint32_t id = 0;
                              sdbus::ObjectPath job;
                              std::string unit;
                              std::string result;
                              message >> id >> job >> unit >> result;
                              unitJobEnded(job, unit, result);
                          });
                      });
    }
    return *systemd_;
}

/// systemd tells the end of a job to whoever asked for it, after the reply that named the job.
void Bus::unitJobEnded(const std::string& job, const std::string& unit, const std::string& result) {
    if (const auto node = asked_.extract(job); !node.empty()) {
        if (unitJobs_.ended) {
            unitJobs_.ended(job, unit, false);
        }
        attempt("hearing the end of a unit's job",
                [&] { node.mapped()(result == "done" ? "" : "systemd's job has " + result); });
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
                      attempt("hearing systemd", [&] {
                          std::uint32_t id = 0;
                          sdbus::ObjectPath job;
                          std::string unit;
                          message >> id >> job >> unit;
                          unitJobs_.began(job, unit);
                      });
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
        .uponReplyInvoke(bordered("hearing systemd",
                                  [then = std::move(then)](api::ReplyError error, const std::vector<Unit>& units) {
                                      then(error || units.empty() ? "" : std::get<3>(units.front()));
                                  }));
}

void Bus::startUnit(const std::string& unit, std::function<void(const std::string&)> then) {
    systemd()
        .callMethodAsync("StartUnit")
        .onInterface(systemdManager)
        .withArguments(unit, std::string("replace"))
        .uponReplyInvoke(bordered("hearing systemd",
                                  [this, then = std::move(then)](api::ReplyError error, const sdbus::ObjectPath& job) {
                                      if (error) {
                                          then(error->getMessage());
                                      } else {
                                          asked_[job] = then;
                                      }
                                  }));
}

void Bus::stopUnit(const std::string& unit) {
    systemd()
        .callMethodAsync("StopUnit")
        .onInterface(systemdManager)
        .withArguments(unit, std::string("replace"))
        .uponReplyInvoke(bordered("hearing systemd", [this, unit](api::ReplyError error, const sdbus::ObjectPath& job) {
            if (error) {
                spdlog::warn("stopping {}: {}", unit, std::string(error->getMessage()));
            } else {
                asked_[job] = [](const std::string& /*problem*/) {}; // ours, and not an administrator's
            }
        }));
}

void Bus::reloadUnits(std::function<void(const std::string&)> then) {
    systemd()
        .callMethodAsync("Reload")
        .onInterface(systemdManager)
        .uponReplyInvoke(bordered("hearing systemd", [then = std::move(then)](api::ReplyError error) {
            then(error ? std::string(error->getMessage()) : "");
        }));
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
