#include "visits.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <utility>

#include "platform/handshake.hpp"
#include "platform/users.hpp"
#include "sys/cgroup.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/received_fds.hpp"
#include "zone/seats.hpp"

namespace zoned::supervisor {

namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr zone::Seats seats{256, 64, 64};
/// Between the hang-up of a program whose client has gone and its end by force.
constexpr auto hangUpPatience = 5s;
/// How long the door may take; a second attempt must have its time within the 25 s that clients of the bus usually wait.
constexpr auto doorPatience = 10s;
/// That of root's first attempt, which looks at the zone's files.
constexpr auto rootPatience = 4s;
/// From then until the program is executed. The client has its streams and can go; a busy disk may take that long.
constexpr auto programPatience = 60s;
/// Exit statuses of a shell for a program that is not there or cannot be executed (POSIX, 2.8.2).
constexpr int notFound = 127;
constexpr int notExecutable = 126;

int shellStatus(int code) {
    if (code == ENOENT || code == ENOTDIR) {
        return notFound;
    }
    return code == EACCES || code == ENOEXEC || code == EISDIR ? notExecutable : 1;
}

std::string describe(int waitStatus) {
    if (WIFEXITED(waitStatus)) {
        return Json{{"exited", WEXITSTATUS(waitStatus)}}.dump();
    }
    return Json{{"killed", WTERMSIG(waitStatus)}}.dump();
}

/// A name that the zone's root cannot have made a cgroup of its own with before.
std::string randomLeaf() {
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<unsigned char, 16> random{};
    sys::check(::getrandom(random.data(), random.size(), 0), "choosing a cgroup's name");
    std::string name = "visit-";
    for (const unsigned char byte : random) {
        name += digits[byte & 0xf];
    }
    return name;
}

std::vector<pid_t> ourChildren() {
    const std::string self = std::to_string(::getpid());
    std::istringstream words(sys::readFile("/proc/self/task/" + self + "/children").value_or(""));
    std::vector<pid_t> children;
    for (pid_t pid = 0; words >> pid;) {
        children.push_back(pid);
    }
    return children;
}

} // namespace

struct Visits::Visit {
    // what another attempt takes; the zone's first three outlive all visits
    const platform::Remains* zone = nullptr;
    int initPidfd = -1;
    const std::string* seccompFilter = nullptr;
    platform::EnterRequest request;

    platform::Entering entering;
    std::vector<sys::UniqueFd> stdio;  // for the client: far ends of pipes, or the terminal's master
    std::vector<sys::UniqueFd> output; // O_PATH, of those that are read: nobody is kept from seeing their end by us
    Opened opened;
    Refused refused;
    bool answered = false; // the client has its descriptors
    bool givenUp = false;  // the client knows that it failed; what is left may take a while to end
    sys::Channel control;  // our end
    pid_t pid = -1;        // of the program, once it is there
    sys::UniqueFd pidfd;
    std::optional<std::string> fault; // why it was not executed, as it is reported
    std::string faultText;
    int faultCode = 0;
    sys::EventLoop::Source patience;
    sys::EventLoop::Source talk;
    sys::EventLoop::Source program;
    sys::EventLoop::Source client;
    sys::EventLoop::Source force;
};

Visits::Visits(sys::EventLoop& loop) : loop_(loop), drains_(loop) {}

Visits::~Visits() = default;

void Visits::start(const platform::Remains& zone, int initPidfd, const std::string& seccompFilter,
                   const platform::EnterRequest& request, Opened opened, Refused refused) {
    std::vector<std::uint32_t> users;
    std::ranges::transform(visits_, std::back_inserter(users), [](const Visit& visit) { return visit.request.by; });
    if (const std::string why = zone::refusal(seats, request.by, users); !why.empty()) {
        throw sys::Error("entering the zone, where programs that were let in still run: " + why, 0);
    }
    platform::EnterRequest wanted = request;
    // each that waits for a file of the zone's which never answers keeps its place: root does not wait for another
    wanted.withoutFiles |= platform::meansRoot(request.user) && std::ranges::any_of(visits_, &Visit::givenUp);
    begin(zone, initPidfd, seccompFilter, wanted, std::move(opened), std::move(refused));
}

void Visits::begin(const platform::Remains& zone, int initPidfd, const std::string& seccompFilter,
                   const platform::EnterRequest& request, Opened opened, Refused refused) {
    visits_.emplace_back();
    const VisitAt visit = std::prev(visits_.end());
    visit->zone = &zone;
    visit->initPidfd = initPidfd;
    visit->seccompFilter = &seccompFilter;
    visit->request = request;
    try {
        visit->entering = platform::enterZone(zone, initPidfd, seccompFilter, request, randomLeaf());
    } catch (...) {
        visits_.erase(visit);
        throw;
    }
    if (visit->entering.hostTerminal) {
        visit->stdio.push_back(std::move(visit->entering.hostTerminal));
    }
    visit->opened = std::move(opened);
    visit->refused = std::move(refused);
    const pid_t door = visit->entering.door.pid;
    doors_[door] = loop_.onExit(door, [this, door](int) { doors_.erase(door); });
    sys::setNonBlocking(visit->entering.channel.fd());
    visit->talk = loop_.watch(visit->entering.channel.fd(), EPOLLIN, [this, visit](std::uint32_t) { hear(visit); });
    const bool looks = platform::meansRoot(request.user) && !request.withoutFiles;
    visit->patience = loop_.after(looks ? rootPatience : doorPatience, [this, visit] { tooSlow(visit); });
}

void Visits::again(VisitAt visit, const platform::EnterRequest& request) {
    const Opened opened = std::exchange(visit->opened, {});
    const Refused refused = std::exchange(visit->refused, {});
    try {
        begin(*visit->zone, visit->initPidfd, *visit->seccompFilter, request, opened, refused);
    } catch (const sys::Error& error) {
        if (refused) {
            refused(error.what());
        }
    }
}

void Visits::tooSlow(VisitAt visit) {
    if (!visit->answered && platform::meansRoot(visit->request.user) && !visit->request.withoutFiles) {
        platform::EnterRequest request = visit->request;
        request.withoutFiles = true;
        request.hostTerminal = request.terminal; // the zone's may be what does not answer
        again(visit, request);
    }
    giveUp(visit, "starting the program in the zone: it was not executed in time; the zone is frozen or has nothing "
                  "left to run on, or one of its file systems does not answer");
}

/// The visit is over for its client. Its processes are killed, but may wait for ever in a call to a file system of the
/// zone's; until they are gone they keep their place among the visits.
void Visits::giveUp(VisitAt visit, const std::string& why) {
    visit->givenUp = true;
    visit->opened = {};
    sys::signalProcess(visit->entering.door.pidfd.get(), SIGKILL); // the zone's root may have moved them
    if (visit->pidfd) {
        sys::signalProcess(visit->pidfd.get(), SIGKILL);
    }
    try {
        sys::killCgroup(visit->entering.leaf);
    } catch (const sys::Error& error) { // or have made another of that name, which cannot be killed
        std::cerr << "zone-supervisor: " << error.what() << "\n";
    }
    if (visit->answered && visit->control) {
        failed(visit, why, ETIMEDOUT);
        report(visit, *visit->fault);
        visit->client.reset();
        visit->control.close();
    } else if (visit->refused) {
        std::exchange(visit->refused, {})(why);
    }
}

/// One message of the door or the program.
void Visits::hear(VisitAt visit) {
    try {
        auto message = platform::nextMessage(visit->entering.channel, "the program");
        if (!message) {
            executed(visit);
        } else if (message->kind == "stdio" && message->fds.size() == (visit->request.terminal ? 1U : 3U)) {
            visit->stdio = std::move(message->fds);
        } else if (message->kind == "started" && message->words.size() == 1) {
            visit->pid = static_cast<pid_t>(std::stol(message->words.front()));
            visit->pidfd = sys::openPidfd(visit->pid); // our child (CLONE_PARENT): the number is its until we reap it
            visit->program = loop_.onExit(visit->pid, [this, visit](int status) { ended(visit, status); });
            if (visit->givenUp) {
                sys::signalProcess(visit->pidfd.get(), SIGKILL);
            } else {
                open(visit);
            }
        }
    } catch (const sys::Error& error) {
        failed(visit, error.what(), error.code());
    }
}

void Visits::open(VisitAt visit) {
    auto [ours, theirs] = sys::Channel::pair();
    visit->control = std::move(ours);
    sys::setNonBlocking(visit->control.fd());
    sys::refuseDescriptors(visit->control.fd());
    visit->answered = true;
    visit->patience = loop_.after(programPatience, [this, visit] { tooSlow(visit); });
    for (std::size_t stream = 1; stream < visit->stdio.size(); ++stream) {
        visit->output.push_back(sys::open(sys::join("/proc/self/fd/", visit->stdio[stream].get()), O_PATH));
    }
    if (visit->opened) {
        std::vector<sys::UniqueFd> fds;
        fds.push_back(theirs.release());
        std::ranges::move(visit->stdio, std::back_inserter(fds));
        visit->opened(fds);
    }
    visit->stdio.clear();
    if (visit->opened) {
        visit->client = loop_.watch(visit->control.fd(), EPOLLIN, [this, visit](std::uint32_t) { hearClient(visit); });
    }
}

void Visits::executed(VisitAt visit) {
    visit->talk.reset();
    visit->patience.reset();
    visit->entering.channel.close();
    if (visit->answered) {
        return; // it runs, or its end, which comes next, carries the fault
    }
    if (visit->faultCode == ENOSPC && visit->request.terminal && !visit->request.hostTerminal && !visit->givenUp) {
        platform::EnterRequest request = visit->request;
        request.hostTerminal = true; // the zone has taken all of its own
        again(visit, request);
    }
    if (visit->refused) {
        visit->refused(visit->faultText.empty() ? "entering the zone: the process ended before the program was started"
                                                : visit->faultText);
    }
    finish(visit, "");
}

/// Only noted: the program's word of what went wrong may overtake the door's that it was started, and a program
/// that is not known would never be reaped. The end of the connection decides.
void Visits::failed(VisitAt visit, const std::string& text, int code) {
    const Json report = {{"error", text}, {"code", shellStatus(code)}};
    visit->fault = report.dump(-1, ' ', false, Json::error_handler_t::replace);
    visit->faultText = text;
    visit->faultCode = code;
}

void Visits::ended(VisitAt visit, int waitStatus) {
    if (visit->talk) {
        try {
            platform::throwPendingError(visit->entering.channel); // sent before it ended
        } catch (const sys::Error& error) {
            failed(visit, error.what(), error.code());
        }
    }
    finish(visit, visit->fault.value_or(describe(waitStatus)));
}

void Visits::hearClient(VisitAt visit) {
    try {
        const auto packet = visit->control.receive();
        if (!packet) {
            hangUp(visit);
            return;
        }
        const Json message = Json::parse(packet->data, nullptr, false);
        const int signal = message.is_object() ? message.value("signal", 0) : 0;
        if (signal > 0 && signal < NSIG) {
            sys::signalProcess(visit->pidfd.get(), signal);
        }
    } catch (const std::exception&) {
        hangUp(visit); // a broken connection, or a message of the wrong shape
    }
}

void Visits::hangUp(VisitAt visit) {
    visit->client.reset();
    visit->control.close();
    sys::signalProcess(visit->pidfd.get(), SIGHUP);
    sys::signalProcess(visit->pidfd.get(), SIGCONT);
    visit->force = loop_.after(hangUpPatience, [visit] { sys::signalProcess(visit->pidfd.get(), SIGKILL); });
}

void Visits::report(VisitAt visit, const std::string& text) {
    try {
        visit->control.send(text);
    } catch (const sys::Error&) {
        // the client does not read; it will see the end of the connection
    }
}

/// The ends of its output that are read, once more; nobody has been kept from seeing them closed so far.
std::vector<sys::UniqueFd> Visits::outputOf(VisitAt visit) {
    std::vector<sys::UniqueFd> ends;
    for (const sys::UniqueFd& output : visit->output) {
        ends.push_back(sys::open(sys::join("/proc/self/fd/", output.get()), O_RDONLY | O_NONBLOCK));
    }
    return ends;
}

void Visits::finish(VisitAt visit, const std::string& text) {
    // before the client hears of the end and closes his: there always is somebody who reads
    std::vector<sys::UniqueFd> output = outputOf(visit);
    if (visit->control && !text.empty()) {
        report(visit, text);
    }
    visit->client.reset();
    drains_.add(std::move(visit->control), std::move(output));
    // what the program left running keeps the leaf; it goes with the payload then
    (void)::rmdir(visit->entering.leaf.c_str());
    visits_.erase(visit);
    reapStrays();
}

void Visits::reapStrays() {
    for (const Visit& visit : visits_) {
        if (visit.pid < 0 && !visit.givenUp) {
            return; // its program may be one of them; looked at again when it is known
        }
    }
    for (const pid_t child : ourChildren()) {
        const bool visiting =
            std::any_of(visits_.begin(), visits_.end(), [child](const Visit& visit) { return visit.pid == child; });
        if (child != init_ && !visiting && !doors_.contains(child)) {
            (void)::waitpid(child, nullptr, WNOHANG);
        }
    }
}

void Visits::zoneEnded() {
    while (!visits_.empty()) {
        const VisitAt visit = visits_.begin();
        visit->talk.reset();
        visit->patience.reset();
        if (visit->pid > 0) {
            visit->program.reset();
            finish(visit, describe(sys::waitForChild(visit->pid)));
            continue;
        }
        if (visit->refused) {
            visit->refused("entering the zone: it ended");
        }
        finish(visit, "");
    }
    drains_.clear();
}

} // namespace zoned::supervisor
