#include "stop_ladder.hpp"

#include "platform/init_kind.hpp"
#include "sys/process.hpp"

namespace zoned::supervisor {

namespace {

using namespace std::chrono_literals;

/// A signal that comes within the first milliseconds of an init is lost without a trace (its handler is not
/// there yet, and PID 1 ignores what it does not handle).
constexpr auto deafTime = 500ms;
/// How long after a request it is made once more, in case init was deaf all the same.
constexpr auto askAgain = 5s;

zone::InitKind kindNamed(const std::string& name) {
    using zone::InitKind;
    for (const InitKind kind : {InitKind::systemd, InitKind::sysvinit, InitKind::openrc, InitKind::busybox}) {
        if (zone::initKindName(kind) == name) {
            return kind;
        }
    }
    return InitKind::custom;
}

} // namespace

void StopLadder::begin(Zone zone, std::chrono::seconds timeout, RunInside runInside, std::function<void()> giveUp) {
    zone_ = std::move(zone);
    runInside_ = std::move(runInside);
    timeout_ = loop_.after(timeout, [this, giveUp = std::move(giveUp)] {
        cancel();
        giveUp();
    });
    const auto age = std::chrono::steady_clock::now() - zone_.initStarted;
    const bool hears = age >= deafTime || (zone_.booted && platform::saysReady(kindNamed(zone_.initKind)));
    if (hears) {
        ask();
    } else {
        askTimer_ =
            loop_.after(std::chrono::duration_cast<std::chrono::microseconds>(deafTime - age), [this] { ask(); });
    }
}

void StopLadder::initListens() {
    if (askTimer_) {
        ask();
    }
}

void StopLadder::ask() {
    const platform::StopRequest request = platform::stopRequest(kindNamed(zone_.initKind));
    askTimer_ = loop_.after(askAgain, [this] { ask(); });
    if (request.signal != 0) {
        sys::signalProcess(zone_.initPidfd, request.signal);
    } else {
        runInside_(request.command);
    }
}

void StopLadder::cancel() {
    askTimer_.reset();
    timeout_.reset();
}

} // namespace zoned::supervisor
