#include "supervisor.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "border.hpp"
#include "log.hpp"
#include "spawn.hpp"
#include "sys/cgroup.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace zoned::daemon {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using zone::Fault;
using zone::FaultKind;

// A supervisor starts in about a millisecond. systemd may have to read all units again before, which takes a loaded
// host seconds: more than ten were seen.
constexpr auto launchPatience = 30s;
// One that runs answers at once; a stopped one must not keep the service from answering for all the others. It is
// adopted whenever it does answer.
constexpr auto recoverPatience = 1s;
constexpr auto connectPause = 20ms;
// Between the end of its connection and the end of the process.
constexpr auto exitPatience = 5s;
// An ending process leaves its cgroup a little after it has closed its sockets.
constexpr auto cgroupPause = 20ms;
constexpr int cgroupAttempts = 100;

/// What cannot be looked at is there.
bool isThere(const std::string& path) {
    try {
        return sys::exists(path);
    } catch (const sys::Error& error) {
        spdlog::error("{}", error.what());
        return true;
    }
}

} // namespace

Supervisor::Supervisor(sys::EventLoop& loop, Launcher& launcher, const Host& host, zone::ZoneName name,
                       Listener& listener)
    : loop_(loop), launcher_(launcher), host_(host), name_(std::move(name)), listener_(listener) {}

/// The border of what concerns the zone's state, and so the job that waits for it.
template <typename Body>
void Supervisor::handle(const char* doing, Body&& body) noexcept {
    try {
        const LogAbout about(name_.str());
        const Doing work(doing);
        std::forward<Body>(body)();
    } catch (const std::exception& error) {
        tellFault(error);
        listener_.handlingFailed(name_, zone::faultOf(error));
    }
}

void Supervisor::recover(std::function<void()> settled) {
    settled_ = std::move(settled);
    phase_ = Phase::launching;
    try {
        attach(sys::Channel::connect(host_.runFolder(name_.str()) + "/socket"));
        deadline_ = loop_.after(recoverPatience, [this] { giveUp(); });
    } catch (const sys::Error&) {
        // Nobody listens: it is gone.
        phase_ = Phase::ending;
        processGone();
    }
}

void Supervisor::summon(Then then) {
    if (phase_ == Phase::connected) {
        then(std::nullopt);
        return;
    }
    summons_.push_back(std::move(then));
    if (phase_ == Phase::none) {
        launch();
    }
}

void Supervisor::launch() {
    phase_ = Phase::launching;
    exitStatus_.reset();
    greeted_ = false;
    promised_ = 0;
    status_ = {};
    try {
        sys::makeDirectories(host_.runFolder(name_.str()), 0700);
        forgetEarlierEnd();
        deadline_ = loop_.after(launchPatience, [this] { giveUp(); });
        childRuns_ = launcher_.ownsCgroup();
        launcher_.start(
            name_,
            [this](const std::optional<Fault>& fault) {
                if (phase_ != Phase::launching || channel_) {
                    return;
                }
                if (fault) {
                    launchFault_ = fault;
                    disconnected();
                } else {
                    connect();
                }
            },
            [this](int status) { exited(status); });
    } catch (const std::exception& error) {
        childRuns_ = false;
        phase_ = Phase::none;
        deadline_.reset();
        removeUnused();
        answerSummons(zone::faultOf(error));
    }
}

/// What an earlier supervisor has left to be read; whatever is in its place.
void Supervisor::forgetEarlierEnd() {
    sys::removeTree(host_.runFolder(name_.str()) + "/exit.json");
    sys::removeTree(host_.runFolder(name_.str()) + "/died");
}

/// After a start that failed; what an earlier boot has left to be taken down stays.
void Supervisor::removeUnused() {
    const LogAbout about(name_.str());
    attempt("removing what its supervisor's start has left", [this] {
        const std::string folder = host_.runFolder(name_.str());
        if (!sys::exists(folder + "/record")) {
            launcher_.removeCgroup(name_);
            sys::removeTree(folder);
        }
    });
}

void Supervisor::appeared(Then then) {
    if (phase_ == Phase::ending) {
        appeared_ = std::move(then); // looked at when the one before is gone for good
        return;
    }
    if (phase_ == Phase::none) {
        sys::Channel channel;
        try {
            channel = sys::Channel::connect(host_.runFolder(name_.str()) + "/socket");
        } catch (const sys::Error& error) {
            spdlog::debug("zone {}: its supervisor has gone again: {}", name_.str(), error.what());
            return; // it listened before its socket had the name
        }
        phase_ = Phase::launching;
        forgetEarlierEnd();
        exitStatus_.reset();
        greeted_ = false;
        childRuns_ = false;
        promised_ = 0;
        summons_.push_back(std::move(then));
        deadline_ = loop_.after(launchPatience, [this] { giveUp(); });
        attach(std::move(channel));
    }
    if (phase_ == Phase::launching && !channel_) {
        connect();
    }
}

/// Tries until somebody listens; launch() has set the deadline.
void Supervisor::connect() {
    try {
        attach(sys::Channel::connect(host_.runFolder(name_.str()) + "/socket"));
    } catch (const sys::Error&) {
        timer_ = loop_.after(connectPause, [this] { connect(); });
        return;
    }
    if (childRuns_) {
        // a new process of ours: nothing is up, and what it is to do may wait in the socket while it starts
        phase_ = Phase::connected;
        answerSummons(std::nullopt);
    }
}

void Supervisor::attach(sys::Channel channel) {
    timer_.reset(); // of another attempt
    socketSource_.reset();
    channel_ = std::move(channel);
    sys::setNonBlocking(channel_.fd());
    socketSource_ = loop_.watch(channel_.fd(), EPOLLIN, [this](std::uint32_t) { readable(); });
}

/// After the end of a connection; false where nobody listens any more. What was sent before has been read by then, or
/// will be: only answers can be lost, and the state is told anew.
bool Supervisor::connectAgain() {
    if (phase_ != Phase::connected || exitStatus_) {
        return false;
    }
    try {
        attach(sys::Channel::connect(host_.runFolder(name_.str()) + "/socket"));
    } catch (const sys::Error&) {
        return false;
    }
    spdlog::warn("zone {}: its supervisor cut the connection, which was made again", name_.str());
    refuseOpenings("the connection to the supervisor of zone " + name_.str() + " was cut; try again");
    return true;
}

void Supervisor::readable() {
    // A bound, so that a talkative supervisor does not hold up the rest.
    for (int packets = 0; packets < 32 && channel_; ++packets) {
        std::optional<sys::Packet> packet;
        try {
            packet = channel_.receive();
        } catch (const sys::Error& error) {
            if (error.code() == EAGAIN) {
                return;
            }
            spdlog::debug("zone {}: {}", name_.str(), error.what());
        }
        if (!packet) {
            if (!connectAgain()) {
                disconnected();
            }
            return;
        }
        // it must not be taken for the end of the supervisor
        handle("taking what its supervisor says", [&] { take(std::move(*packet)); });
    }
}

void Supervisor::take(sys::Packet packet) {
    json message = json::parse(packet.data, nullptr, false);
    const std::string type = message.is_object() ? message.value("type", "") : "";
    if (type == "status") {
        takeStatus(message);
    } else if (type == "step") {
        status_.step = message.at("step").get<std::string>();
        listener_.stepChanged(name_, status_.step);
    } else if (type == "opened" || type == "refused") {
        takeAnswer(message, packet);
    } else if (type == "reboot-spec") {
        listener_.specWanted(name_);
    }
}

void Supervisor::takeStatus(const json& message) {
    status_ = platform::statusFromJson(message);
    promised_ = std::max(promised_, status_.requests + status_.pending);
    if (!greeted_) {
        greeted_ = true;
        phase_ = Phase::connected;
        deadline_.reset();
        launchFault_.reset(); // it was late, and here it is
        handle("taking its supervisor's first status", [this] { listener_.statusChanged(name_, status_); });
        tellSettled();
        answerSummons(std::nullopt);
        return;
    }
    listener_.statusChanged(name_, status_);
}

void Supervisor::takeAnswer(const json& message, sys::Packet& packet) {
    const auto node = openings_.extract(message.at("id").get<std::uint64_t>());
    if (node.empty()) {
        return;
    }
    attempt("handing out what its supervisor has answered", [&] {
        if (message.at("type") == "opened") {
            node.mapped().opened(std::move(packet.fds));
        } else {
            node.mapped().refused(Fault(FaultKind::failed, message.value("text", "its supervisor refuses it")));
        }
    });
}

void Supervisor::send(const json& message) {
    if (phase_ != Phase::connected) {
        throw Fault(FaultKind::failed, "zone " + name_.str() + " has no supervisor at the moment");
    }
    try {
        // One that has just ended is no fault here: the end of the connection is about to be seen, and tells all who
        // wait for an answer.
        if (const std::string text = message.dump(); !channel_.send(text) && connectAgain()) {
            (void)channel_.send(text);
        }
    } catch (const sys::Error& error) {
        if (error.code() == EMSGSIZE) {
            throw Fault(FaultKind::invalidArgument, "the arguments and the environment are too long together");
        }
        throw;
    }
}

std::uint64_t Supervisor::request(const json& message) {
    send(message);
    return ++promised_;
}

void Supervisor::tell(const json& message) {
    send(message);
}

void Supervisor::open(json message, Opened opened, Refused refused) {
    const std::uint64_t id = ++lastOpening_;
    message["id"] = id;
    send(message);
    openings_[id] = {std::move(opened), std::move(refused)};
}

void Supervisor::refuseOpenings(const std::string& why) {
    for (auto& [id, opening] : std::exchange(openings_, {})) {
        attempt("refusing what was asked of its supervisor",
                [&refused = opening.refused, &why] { refused(Fault(FaultKind::failed, why)); });
    }
}

/// The supervisor has not answered in time.
void Supervisor::giveUp() {
    const LogAbout about(name_.str());
    if (!launchFault_) {
        launchFault_ = Fault(FaultKind::timeout, "the supervisor of zone " + name_.str() + " does not answer");
    }
    if (settled_) {
        // One that ran before us: it may be stopped by a debugger; its zone is not ours to kill for that.
        spdlog::error("{}", launchFault_->what());
        handle("noting that its supervisor is silent", [this] { listener_.supervisorSilent(name_); });
        tellSettled();
        return;
    }
    launcher_.kill(name_);
    if (!childRuns_) {
        disconnected();
    }
}

void Supervisor::exited(int status) {
    childRuns_ = false;
    exitStatus_ = status;
    if (phase_ == Phase::ending) {
        processGone();
    } else if (!channel_) {
        disconnected();
    }
    // else: what it wrote before its end is still to be read; the end of the connection follows
}

void Supervisor::disconnected() {
    socketSource_.reset();
    timer_.reset();
    deadline_.reset();
    channel_.close();
    if (phase_ == Phase::launching && !launchFault_) {
        launchFault_ = Fault(FaultKind::failed, "");
    }
    phase_ = Phase::ending;
    refuseOpenings("the supervisor of zone " + name_.str() + " has ended");
    handle("noting that its supervisor is lost", [this] { listener_.supervisorLost(name_); });
    if (childRuns_) {
        timer_ = loop_.after(exitPatience, [this] { launcher_.kill(name_); });
    } else {
        processGone();
    }
}

std::string Supervisor::endText() const {
    return exitStatus_ ? sys::describeExit(*exitStatus_) : "ended unexpectedly";
}

/// By its last word nothing was up, and nothing was to be done.
bool Supervisor::wasIdle() const {
    return greeted_ && status_.state == zone::State::installed && status_.pending == 0;
}

void Supervisor::processGone() {
    const LogAbout about(name_.str());
    timer_.reset();
    const std::string folder = host_.runFolder(name_.str());
    end_ = {};
    try {
        if (const auto farewell = sys::readFile(folder + "/exit.json")) {
            end_.last = platform::statusFromJson(*farewell);
        } else if (wasIdle()) {
            end_.last = status_; // it was to leave; a full /run kept it from saying goodbye
        } else {
            end_.died = true;
        }
    } catch (const std::exception& error) {
        spdlog::error("zone {}: {}", name_.str(), error.what());
        end_.died = true;
    }
    // the unit's own clean-up may have been here already, and left its mark
    const bool remains = isThere(folder + "/record") || isThere(folder + "/died");
    end_.wasUp = greeted_ ? zone::isActive(status_.state) : !end_.died || remains;
    if (end_.died) {
        if (greeted_) {
            end_.last = status_;
        }
        const std::string how = exitStatus_ ? " (" + sys::describeExit(*exitStatus_) + ")" : "";
        end_.last.reason = "its supervisor died" + how + "; the zone was stopped and cleaned up";
    }
    if (launchFault_ && std::string(launchFault_->what()).empty()) {
        launchFault_ =
            Fault(FaultKind::failed, "the supervisor of zone " + name_.str() + " " + endText() + " before it answered");
    }
    if (end_.died && launchFault_ && !greeted_) {
        end_.last.reason = launchFault_->what(); // it was killed for that
    }
    if (end_.died || end_.last.state != zone::State::installed) {
        cleanUp();
    } else {
        removeRemains(cgroupAttempts);
    }
}

void Supervisor::cleanUpAgain() {
    phase_ = Phase::ending;
    cleanUp();
}

void Supervisor::cleanUp() {
    try {
        // A unit's cgroup is systemd's to remove: it waits for the word that it is empty, and would hear none.
        const std::string cgroup = launcher_.ownsCgroup() ? launcher_.cgroup(name_) : "auto";
        const pid_t pid =
            spawn({supervisorCommand(host_, name_, cgroup, true), {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, {}});
        cleaner_ = loop_.onExit(pid, [this](int status) { cleaned(status); });
    } catch (const std::exception& error) {
        end_.cleanUpProblem = error.what();
        end_.last.state = zone::State::down;
        cleaner_ = loop_.defer([this] { settle(); });
    }
}

void Supervisor::cleaned(int status) {
    if (status == 0) {
        end_.cleanUpProblem.clear();
        removeRemains(cgroupAttempts);
        return;
    }
    end_.cleanUpProblem = "taking the zone down failed: the clean-up " + sys::describeExit(status) +
                          " (the service's log has its words); halt tries again";
    end_.last.state = zone::State::down;
    settle();
}

void Supervisor::removeRemains(int attempts) {
    const LogAbout about(name_.str());
    try {
        launcher_.removeCgroup(name_);
    } catch (const std::exception& error) {
        if (attempts > 0) {
            timer_ = loop_.after(cgroupPause, [this, attempts] { removeRemains(attempts - 1); });
            return;
        }
        spdlog::warn("zone {}: {}", name_.str(), error.what());
    }
    attempt("removing its folder in /run", [this] { sys::removeTree(host_.runFolder(name_.str())); });
    end_.last.state = zone::State::installed;
    settle();
}

void Supervisor::settle() {
    phase_ = Phase::none;
    greeted_ = false;
    end_.last.initPid = 0;
    end_.last.booted = false;
    const std::optional<Fault> fault = std::exchange(launchFault_, std::nullopt);
    handle("noting the end of its supervisor", [this] { listener_.supervisorEnded(name_, end_); });
    tellSettled();
    if (phase_ != Phase::none) {
        return;
    }
    const Then appearedThen = std::exchange(appeared_, nullptr);
    if (appearedThen && isThere(host_.runFolder(name_.str()) + "/socket")) {
        appeared(appearedThen);
        return; // it serves those who wait for one, too
    }
    if (summons_.empty()) {
        return;
    }
    if (fault) {
        answerSummons(fault);
    } else {
        launch();
    }
}

void Supervisor::tellSettled() {
    if (const auto settled = std::exchange(settled_, nullptr)) {
        attempt("going on after a restart of the service", settled);
    }
}

void Supervisor::answerSummons(const std::optional<Fault>& fault) {
    for (const Then& then : std::exchange(summons_, {})) {
        handle("going on with its supervisor", [&] { then(fault); });
    }
}

} // namespace zoned::daemon
