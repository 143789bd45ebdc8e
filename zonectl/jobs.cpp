#include "jobs.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <optional>
#include <set>

#include "output.hpp"
#include "signals.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "terminal.hpp"

namespace zoned::ctl {

namespace {

using sys::join;

/// The one line of progress on standard error, where that is a terminal.
class ProgressLine {
public:
    ~ProgressLine() { clear(); }
    void show(const std::vector<JobSummary>& running) {
        const std::size_t width = terminalSize(STDERR_FILENO).value_or(TerminalSize{24, 80}).columns;
        const std::string line = progressLine(running, width - 1);
        if (terminal_ && line != shown_) {
            put("\r\033[K" + line);
            shown_ = line;
        }
    }
    void clear() {
        if (!shown_.empty()) {
            put("\r\033[K");
            shown_.clear();
        }
    }

private:
    static void put(const std::string& text) {
        // A terminal that went away is no reason to leave the job unattended.
        [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    }
    bool terminal_ = isTerminal(STDERR_FILENO);
    std::string shown_;
};

/// One warning a line.
void printWarnings(std::string_view text) {
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        printError(join("warning: ", text.substr(0, end)));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
}

// What a supervisor was doing when the service went is seen by the one after it; longer than that nobody waits.
constexpr std::chrono::seconds returnPatience{15};
constexpr std::chrono::seconds goalPatience{3};

class Waiter {
public:
    Waiter(Client& client, const std::vector<Request>& requests) : client_(client), requests_(requests) {
        outcomes_.succeeded.assign(requests.size(), false);
    }
    Outcomes run();

private:
    struct Waiting {
        std::size_t request;
        ObjectPath job;
        bool missing = false; // from the list of jobs, without an end told
        bool orphan = false;  // and so again: its service has gone, and nobody will tell how it ended
    };
    using Clock = std::chrono::steady_clock;

    void send();
    void collect();
    void look();
    [[nodiscard]] std::vector<JobSummary> ours();
    [[nodiscard]] bool settle(const Waiting& orphan);
    void wait();
    void onSignal(int signal);
    void report(const Waiting& waiting, const JobEnd& end);

    Client& client_;
    const std::vector<Request>& requests_;
    Signals signals_;
    ProgressLine progress_;
    std::vector<Waiting> waiting_;
    std::optional<Clock::time_point> gone_; // since when the service does not answer
    std::optional<Clock::time_point> back_; // since when it was seen to be another one
    Outcomes outcomes_;
};

void Waiter::send() {
    for (std::size_t i = 0; i < requests_.size() && !outcomes_.cancelled; ++i) {
        try {
            waiting_.push_back({i, requests_[i].send()});
        } catch (const BusError& e) {
            reportFailure(requests_[i].what, e.what());
        }
        while (const auto signal = signals_.take()) {
            onSignal(*signal);
        }
    }
}

void Waiter::report(const Waiting& waiting, const JobEnd& end) {
    const Request& request = requests_[waiting.request];
    progress_.clear();
    if (end.result == "done") {
        outcomes_.succeeded[waiting.request] = true;
        printWarnings(end.message);
        if (!request.done.empty()) {
            print(cleanText(request.done) + "\n");
        }
    } else if (end.result == "cancelled") {
        printError("cancelled: " + request.what);
    } else {
        reportFailure(request.what, end.message.empty() ? end.error : end.message);
        if (request.failed) {
            request.failed(end);
        }
    }
}

/// Takes the jobs whose end was told.
void Waiter::collect() {
    client_.dispatch();
    std::erase_if(waiting_, [&](const Waiting& waiting) {
        const auto end = client_.ended(waiting.job);
        if (end) {
            report(waiting, *end);
        }
        return end.has_value();
    });
}

/// The jobs that are waited for and go on. Throws BusError where the service has gone and does not come back.
std::vector<JobSummary> Waiter::ours() {
    std::vector<JobSummary> running;
    try {
        running = client_.jobs();
        gone_.reset();
    } catch (const BusError&) {
        gone_ = gone_.value_or(Clock::now());
        if (Clock::now() - *gone_ > returnPatience) {
            throw;
        }
        return {};
    }
    std::erase_if(running, [&](const JobSummary& job) {
        return std::none_of(waiting_.begin(), waiting_.end(),
                            [&](const Waiting& waiting) { return waiting.job == job.path; });
    });
    return running;
}

/// Shows how far the jobs are, and notices those that nobody will tell about any more because the service was started
/// anew meanwhile: no job of that service has the number of one of ours.
void Waiter::look() {
    const std::vector<JobSummary> running = ours();
    // What was sent before the list is read now.
    collect();
    if (gone_) {
        return;
    }
    for (Waiting& waiting : waiting_) {
        const bool listed =
            std::any_of(running.begin(), running.end(), [&](const JobSummary& job) { return job.path == waiting.job; });
        waiting.orphan = waiting.orphan || (!listed && waiting.missing);
        waiting.missing = !listed;
        if (waiting.orphan && !back_) {
            back_ = Clock::now();
            progress_.clear();
            printNote("zoned was restarted; what became of the zones is looked at");
        }
    }
    std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.orphan && settle(waiting); });
    if (!waiting_.empty() && !running.empty()) {
        progress_.show(running);
    }
}

/// True where nothing more will be learnt of it. What a supervisor has begun goes on for a while.
bool Waiter::settle(const Waiting& orphan) {
    const Request& request = requests_[orphan.request];
    const Goal& goal = request.goal;
    const bool late = Clock::now() - *back_ > goalPatience;
    if (goal.state.empty()) {
        reportFailure(request.what, "zoned was restarted meanwhile; see 'zonectl list' for what became of it");
        return true;
    }
    std::string state = "gone";
    bool booted = false;
    for (const ZoneSummary& zone : client_.zones()) {
        if (zone.name == goal.zone) {
            state = zone.state;
            booted = goal.booted && client_.zoneDetails(zone.path).booted;
        }
    }
    if (state == goal.state && booted == goal.booted) {
        outcomes_.succeeded[orphan.request] = true;
        if (!request.done.empty()) {
            print(cleanText(request.done) + "\n");
        }
        return true;
    }
    if (late) {
        reportFailure(request.what, "zoned was restarted meanwhile, and zone " + goal.zone + " is " +
                                        (state == "gone" ? "not there any more" : state) +
                                        (state == goal.state ? ", and not ready yet" : "") + "; ask again");
    }
    return late;
}

void Waiter::onSignal(int signal) {
    if (signal == SIGWINCH) {
        return;
    }
    if (signal == SIGTSTP) {
        progress_.clear();
        ::raise(SIGSTOP);
        return;
    }
    progress_.clear();
    if (outcomes_.cancelled) {
        for (const auto& waiting : waiting_) {
            printError("left behind: " + requests_[waiting.request].what + " (it goes on; see 'zonectl jobs')");
        }
        waiting_.clear();
        return;
    }
    outcomes_.cancelled = true;
    printNote("cancelling; once more to leave it");
    for (const auto& waiting : waiting_) {
        try {
            client_.cancel(waiting.job);
        } catch (const BusError& e) {
            // A job that has ended meanwhile cannot be cancelled; its end says how.
            if (!e.name().starts_with("org.freedesktop.DBus.Error.Unknown") &&
                e.name() != "org.zoned1.Error.NoSuchJob") {
                reportFailure("cancel: " + requests_[waiting.request].what, e.what());
            }
        }
    }
}

void Waiter::wait() {
    const std::chrono::milliseconds tick{isTerminal(STDERR_FILENO) ? 250 : 1000};
    auto nextLook = std::chrono::steady_clock::now() + tick;
    while (!waiting_.empty()) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(nextLook - std::chrono::steady_clock::now());
        int timeout = std::max(0, static_cast<int>(left.count()));
        const int busTimeout = client_.timeout();
        timeout = busTimeout >= 0 ? std::min(timeout, busTimeout) : timeout;
        std::array<pollfd, 2> polled{pollfd{client_.fd(), client_.events(), 0}, pollfd{signals_.fd(), POLLIN, 0}};
        if (::poll(polled.data(), polled.size(), timeout) < 0 && errno != EINTR) {
            sys::throwErrno("waiting for a job");
        }
        while (const auto signal = signals_.take()) {
            onSignal(*signal);
        }
        collect();
        if (!waiting_.empty() && std::chrono::steady_clock::now() >= nextLook) {
            look();
            nextLook = std::chrono::steady_clock::now() + tick;
        }
    }
}

Outcomes Waiter::run() {
    send();
    collect();
    try {
        wait();
    } catch (const BusError& e) {
        progress_.clear();
        for (const auto& waiting : waiting_) {
            reportFailure(requests_[waiting.request].what, join("the service went away meanwhile: ", e.what()));
        }
    }
    return outcomes_;
}

} // namespace

int Outcomes::status() const {
    return std::all_of(succeeded.begin(), succeeded.end(), [](bool one) { return one; }) ? 0 : 1;
}

Outcomes runJobs(Client& client, const std::vector<Request>& requests) {
    return Waiter(client, requests).run();
}

std::vector<Request>
zoneRequests(Client& client, const std::vector<std::string>& names, const std::string& verb, const std::string& done,
             const Goal& goal, const std::function<ObjectPath(Client&, const ObjectPath& zone)>& send,
             const std::function<void(Client&, const std::string& name, const JobEnd& end)>& failed) {
    std::vector<Request> requests;
    std::set<std::string> seen; // a name given twice is meant once
    for (const auto& name : names) {
        if (!seen.insert(name).second) {
            continue;
        }
        requests.push_back({join(verb, " zone ", name),
                            join("zone ", name, ": ", done),
                            [&client, send, name] { return send(client, client.zone(name)); },
                            [&client, failed, name](const JobEnd& end) {
                                if (failed) {
                                    failed(client, name, end);
                                }
                            },
                            {name, goal.state, goal.booted}});
    }
    return requests;
}

int forEachZone(const std::vector<std::string>& names, const std::string& verb, const std::string& done,
                const Goal& goal, const std::function<ObjectPath(Client&, const ObjectPath& zone)>& send,
                const std::function<void(Client&, const std::string& name, const JobEnd& end)>& failed) {
    Client client;
    return runJobs(client, zoneRequests(client, names, verb, done, goal, send, failed)).status();
}

void reportFailure(const std::string& what, const std::string& message) {
    const bool oneLine = message.find('\n') == std::string::npos;
    printError(join("cannot ", what, oneLine ? ": " : ":\n", message));
}

void printImageNotes(Client& client, const std::string& image, const Outcomes& ends) {
    if (ends.succeeded.empty() || !ends.succeeded.front()) {
        return;
    }
    try {
        for (const std::string& note : client.imageDetails(client.image(image)).notes) {
            printNote("image " + image + ": " + note);
        }
    } catch (const BusError& error) {
        printNote("image " + image + " was made, but what there is to say of it cannot be read: " + error.what());
    }
}

std::string progressLine(const std::vector<JobSummary>& running, std::size_t width) {
    if (running.empty()) {
        return "";
    }
    const JobSummary& first = running.front();
    std::string line = join(first.kind, " ", first.object);
    if (first.progress >= 0) {
        constexpr std::size_t bar = 20;
        const double part = std::clamp(first.progress, 0.0, 1.0);
        const auto filled = static_cast<std::size_t>(std::lround(part * static_cast<double>(bar)));
        line +=
            join("  [", std::string(filled, '#'), std::string(bar - filled, ' '), "] ", std::lround(part * 100), "%");
    }
    if (!first.message.empty()) {
        line += "  " + first.message;
    }
    std::string more = running.size() > 1 ? join(" (and ", running.size() - 1, " more)") : "";
    if (more.size() >= width) {
        more.clear();
    }
    line = cleanLine(line);
    if (line.size() + more.size() > width) {
        line.resize(width - more.size());
        // Not in the middle of a character.
        while (!line.empty() && cleanLine(line) != line) {
            line.pop_back();
        }
    }
    return line + more;
}

} // namespace zoned::ctl
