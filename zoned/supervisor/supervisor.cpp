#include "supervisor.hpp"

#include <fcntl.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <ctime>

#include "platform/handshake.hpp"
#include "platform/init_kind.hpp"
#include "platform/limits.hpp"
#include "platform/plan.hpp"
#include "platform/rootfs.hpp"
#include "sys/cgroup.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::supervisor {

namespace {

using zone::State;
using namespace std::chrono_literals;

/// How long killed processes may take to end before the zone is called down.
constexpr auto killPatience = 10s;
/// How long the service may take to answer with a fresh spec.
constexpr auto specPatience = 5s;
/// A zone whose init asks for reboots again and again gets one a second. (One that is asked for from outside is not
/// delayed.)
constexpr auto shortestLife = 1s;
/// An init that never says that the start is complete is called booted when it has lived that long: one that
/// cannot run at all ends sooner.
constexpr auto settledAfter = 200ms;

} // namespace

Supervisor::Supervisor(sys::EventLoop& loop, Place place, Events events)
    : loop_(loop), place_(std::move(place)), events_(std::move(events)), console_(loop, place_.logPath,
                                                                                  [this] {
                                                                                      if (idle()) {
                                                                                          events_.idle();
                                                                                      }
                                                                                  }),
      visits_(loop), ladder_(loop) {
    childEnded_ = loop_.onSignal(SIGCHLD, [this] { visits_.reapStrays(); });
    status_.since = std::time(nullptr);
    status_.cgroup = place_.cgroup.substr(sys::hierarchyRoot(place_.cgroup).size());
}

bool Supervisor::idle() const noexcept {
    return status_.state == State::installed && !console_.watched() && status_.pending == 0;
}

std::chrono::seconds Supervisor::stopTimeout() const noexcept {
    return std::chrono::seconds(spec_ ? spec_->stopTimeout : 90);
}

/// Told by what follows, often together with the end of the request: nobody sees a zone that is ready, or running, and
/// still busy with getting there.
void Supervisor::setState(State state) {
    status_.state = state;
    status_.since = std::time(nullptr);
}

void Supervisor::enterState(State state) {
    setState(state);
    events_.statusChanged();
}

void Supervisor::requestDone(const std::string& failure) {
    status_.requests += status_.pending;
    status_.pending = 0;
    status_.failure = failure;
    events_.statusChanged();
    if (idle()) {
        events_.idle();
    }
}

void Supervisor::boot(platform::BootSpec spec, bool running) {
    if (rebootTimer_) { // the answer to specWanted
        rebootTimer_.reset();
        spec_ = std::move(spec);
        bringUp(true);
        return;
    }
    ++status_.pending;
    if (status_.state == State::installed) {
        status_.failure.clear();
        spec_ = std::move(spec);
        bringUp(running);
    } else if (status_.state == State::ready && running) {
        zone_->zone.spec.initArgs = std::move(spec.initArgs);
        bringUp(true);
    } else {
        const bool there = status_.state == State::running || status_.state == State::ready;
        requestDone(there ? "" : "the zone is still on its way down");
    }
}

void Supervisor::bringUp(bool running) {
    try {
        takeSteps(running);
    } catch (const sys::Error& error) {
        const std::string at = status_.step.empty() ? "" : "step " + status_.step + ": ";
        status_.step.clear();
        rebootWanted_ = false;
        status_.failure = "the boot failed at " + at + error.what();
        takeDown(status_.failure);
    }
}

void Supervisor::takeSteps(bool running) {
    if (!zone_) {
        status_.reason.clear();
        status_.killed = false;
        stopNote_.clear();
        stopAsked_ = killed_ = status_.asked = false;
        auto zone = std::make_unique<platform::Bringup>();
        zone->zone = {*spec_, place_.cgroup};
        zone->seccompFilter = sys::readFile(spec_->seccompProgram).value_or("");
        if (zone->seccompFilter.empty()) {
            throw sys::Error("reading the system call filter " + spec_->seccompProgram + ": it is missing", 0);
        }
        zone->mountPlaces = place_.runZone + "/../../mounts";
        platform::makeMountPlaces(zone->mountPlaces);
        record_ = platform::RunRecord::begin(place_.runZone + "/record", zone->zone);
        zone_ = std::move(zone);
    }
    for (const platform::Step& step : platform::plan(zone_->zone.spec)) {
        const auto& taken = record_->steps();
        if (std::find(taken.begin(), taken.end(), step.name) != taken.end()) {
            continue; // a ready zone is booted on
        }
        if (step.name == platform::initStep) {
            becomeReady();
            if (!running) {
                requestDone();
                return;
            }
        }
        status_.step = step.name;
        events_.statusChanged();
        platform::take(step, *zone_, *record_);
    }
    status_.step.clear();
    becomeRunning();
}

void Supervisor::becomeReady() {
    if (status_.state == State::ready) {
        return;
    }
    status_.step.clear();
    status_.initKind = zone_->initKind;
    const std::string& journal = zone_->zone.spec.consoleJournal;
    console_.journalTo(journal.empty() ? std::nullopt : std::optional(platform::consoleJournal(journal, place_.zone)));
    console_.connect(std::move(zone_->console));
    notify_ = std::make_unique<NotifySocket>(
        loop_, std::move(zone_->notify), zone_->init.pid, [this] { ladder_.initListens(); },
        [this] {
            status_.booted = true;
            events_.statusChanged();
        });
    visits_.setInit(zone_->init.pid);
    initExit_ = loop_.onExit(zone_->init.pid, [this](int waitStatus) { initEnded(waitStatus); });
    setState(State::ready);
}

void Supervisor::becomeRunning() {
    initStarted_ = std::chrono::steady_clock::now();
    ++status_.boots;
    status_.initPid = zone_->init.pid;
    setState(State::running);
    if (!zone::tellsReadiness(status_.initKind)) {
        bootedTimer_ = loop_.after(settledAfter, [this] {
            status_.booted = true;
            events_.statusChanged();
        });
    }
    requestDone();
}

void Supervisor::kill() {
    killed_ = true;
    ladder_.cancel();
    sys::killCgroup(platform::payloadCgroup(place_.cgroup));
    killWatch_ = loop_.after(killPatience, [this] {
        status_.reason = "its init does not end, though killed; it probably waits for a device or a network file "
                         "system";
        setState(State::down);
        requestDone(status_.reason);
    });
}

void Supervisor::halt() {
    ++status_.pending;
    rebootWanted_ = false;
    if (rebootTimer_) { // between two boots
        rebootTimer_.reset();
        stopAsked_ = true;
        nowDown(std::string(platform::haltedReason));
    } else if (status_.state == State::installed) {
        requestDone();
    } else if (initExit_) {
        stopAsked_ = true;
        if (status_.state != State::shuttingDown) {
            enterState(State::shuttingDown);
        }
        kill();
    } else {
        takeDown(std::string(platform::haltedReason)); // down: what could not be finished before
    }
}

void Supervisor::shutdown(std::chrono::seconds timeout) {
    if (status_.state != State::running) {
        halt(); // nothing runs that could be asked
        return;
    }
    ++status_.pending;
    rebootWanted_ = false;
    stopAsked_ = true;
    enterState(State::shuttingDown);
    StopLadder::Zone zone{zone_->init.pidfd.get(), status_.initKind, status_.booted, initStarted_};
    ladder_.begin(
        zone, timeout,
        [this](const std::vector<std::string>& command) {
            platform::EnterRequest request;
            request.argv = command;
            visits_.start(zone_->zone, zone_->init.pidfd.get(), zone_->seccompFilter, request, {}, {});
        },
        [this, timeout] {
            status_.killed = true;
            stopNote_ = sys::join("its init did not shut down within ", timeout.count(), " s; it was killed");
            kill();
        });
}

void Supervisor::reboot(bool force) {
    if (force) {
        halt();
    } else {
        shutdown(stopTimeout());
    }
    rebootWanted_ = initExit_ && status_.state == State::shuttingDown;
}

void Supervisor::setLimits(std::vector<platform::Limit> limits) {
    if (status_.state != State::running && status_.state != State::ready) {
        throw sys::Error("changing the limits of zone " + place_.zone + ": it is not up", 0);
    }
    platform::changeLimits(place_.cgroup, zone_->zone.spec.limits, limits);
    zone_->zone.spec.limits = limits;
    spec_->limits = std::move(limits); // what a reboot takes where no service answers
}

std::string Supervisor::reasonOf(int waitStatus) const {
    if (killed_ && stopAsked_) {
        return stopNote_.empty() ? std::string(platform::haltedReason) : stopNote_;
    }
    if (WIFSIGNALED(waitStatus) && WTERMSIG(waitStatus) == SIGINT) { // reboot(2) in a pid namespace
        return std::string(stopAsked_ ? platform::shutDownReason : platform::poweredOffReason);
    }
    if (WIFSIGNALED(waitStatus) && WTERMSIG(waitStatus) == SIGHUP) {
        return "rebooting";
    }
    const bool starved = WIFSIGNALED(waitStatus) && WTERMSIG(waitStatus) == SIGKILL &&
                         sys::oomKills(platform::payloadCgroup(place_.cgroup)) > 0;
    return "its init " + sys::describeExit(waitStatus) + std::string(starved ? platform::outOfMemoryNote : "");
}

/// What kept the process of a ready zone from waiting for the order to start init.
std::optional<std::string> Supervisor::problemBeforeInit() {
    if (status_.state != State::ready) {
        return std::nullopt;
    }
    try {
        platform::throwPendingError(zone_->channel);
        return std::nullopt;
    } catch (const sys::Error& error) {
        return error.what();
    }
}

void Supervisor::initEnded(int waitStatus) {
    zone_->init.pid = -1; // reaped
    initExit_.reset();
    killWatch_.reset();
    ladder_.cancel();
    const std::string reason = problemBeforeInit().value_or(reasonOf(waitStatus));
    if (WIFSIGNALED(waitStatus) && WTERMSIG(waitStatus) == SIGHUP && !stopAsked_) {
        rebootWanted_ = true;
    }
    if (status_.state != State::shuttingDown) {
        enterState(State::shuttingDown);
    }
    takeDown(reason);
}

void Supervisor::takeDown(const std::string& reason) {
    if (record_) {
        try {
            platform::takeDown(*record_);
        } catch (const sys::Error& error) {
            status_.reason = reason + "; " + error.what();
            setState(State::down);
            requestDone(status_.reason);
            return;
        }
        record_.reset();
    }
    visits_.zoneEnded();
    if (zone_ && zone_->init.pid > 0) { // a boot that failed: the process was killed, and nobody has reaped it
        initExit_.reset();
        sys::waitForChild(zone_->init.pid);
    }
    nowDown(reason);
}

void Supervisor::nowDown(const std::string& reason) {
    console_.disconnect();
    notify_.reset();
    bootedTimer_.reset();
    zone_.reset();
    status_.initPid = 0;
    status_.initKind.clear();
    status_.booted = false;
    status_.reason = reason;
    status_.asked = stopAsked_;
    if (rebootWanted_) {
        bootAgain();
        return;
    }
    setState(State::installed);
    requestDone(std::string(status_.failure));
}

void Supervisor::bootAgain() {
    rebootWanted_ = false;
    const auto age = std::chrono::steady_clock::now() - initStarted_;
    const auto rest = stopAsked_ ? 0us : std::chrono::duration_cast<std::chrono::microseconds>(shortestLife - age);
    const auto wait = std::max<std::chrono::microseconds>(rest, 0us);
    rebootTimer_ = loop_.after(wait, [this] {
        const bool asked = events_.specWanted();
        rebootTimer_ = loop_.after(asked ? std::chrono::microseconds(specPatience) : 0us, [this] {
            rebootTimer_.reset();
            platform::giveFreshHostNames(*spec_);
            bringUp(true);
        });
    });
}

void Supervisor::enter(const platform::EnterRequest& request, Visits::Opened opened, Visits::Refused refused) {
    if (status_.state != State::running) {
        throw sys::Error("entering zone " + place_.zone + ": it is not running", 0);
    }
    visits_.start(zone_->zone, zone_->init.pidfd.get(), zone_->seccompFilter, request, std::move(opened),
                  std::move(refused));
}

} // namespace zoned::supervisor
