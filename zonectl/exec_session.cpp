#include "exec_session.hpp"

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <thread>

#include "jobs.hpp"
#include "output.hpp"
#include "relay.hpp"
#include "signals.hpp"
#include "sys/channel.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "terminal.hpp"

namespace zoned::ctl {

namespace {

using nlohmann::json;

constexpr int signalBase = 128; // the shell's: 128+N, ended by signal N

class ExecSession {
public:
    ExecSession(ExecStreams streams, bool tty);
    ExecEnd run();

private:
    void connectPipes(std::vector<sys::UniqueFd> stdio);
    void connectTerminal(sys::UniqueFd master);
    bool onControl();
    bool onSignal();
    void onStop();

    bool tty_;
    Signals signals_;
    sys::Channel control_;
    SharedFd master_;
    std::optional<RawTerminal> raw_;
    Relay relay_;
    ExecEnd end_{1, "the zone went down while the command ran"};
};

ExecSession::ExecSession(ExecStreams streams, bool tty) : tty_(tty), control_(std::move(streams.control)) {
    for (const auto& fd : streams.stdio) {
        sys::setNonBlocking(fd.get());
    }
    if (tty) {
        connectTerminal(std::move(streams.stdio.at(0)));
    } else {
        connectPipes(std::move(streams.stdio));
    }
    relay_.add(Watch{control_.fd(), {}, [this] { return onControl(); }, {}});
    relay_.add(Watch{signals_.fd(), {}, [this] { return onSignal(); }, {}});
}

void ExecSession::connectPipes(std::vector<sys::UniqueFd> stdio) {
    relay_.add(Stream{borrow(STDIN_FILENO), share(std::move(stdio.at(0))), false, {}, {}});
    relay_.add(Stream{share(std::move(stdio.at(1))), borrow(STDOUT_FILENO), true, {}, {}});
    relay_.add(Stream{share(std::move(stdio.at(2))), borrow(STDERR_FILENO), true, {}, {}});
}

void ExecSession::connectTerminal(sys::UniqueFd master) {
    master_ = share(std::move(master));
    const bool typed = isTerminal(STDIN_FILENO);
    if (typed) {
        raw_.emplace(STDIN_FILENO);
    }
    // A terminal has no end of input but the character that stands for it.
    const auto typeEnd = [this, typed] {
        const char endOfFile = 0x04; // ^D
        if (!typed && ::write(master_->get(), &endOfFile, 1) < 0 && errno != EAGAIN && errno != EIO) {
            sys::throwErrno("ending the input of the zone's terminal");
        }
        if (typed) {
            control_.close(); // our terminal is gone: hang up
            relay_.stop();
        }
    };
    relay_.add(Stream{borrow(STDIN_FILENO), master_, false, {}, typeEnd});
    relay_.add(Stream{master_, borrow(STDOUT_FILENO), true, {}, {}});
}

bool ExecSession::onControl() {
    const auto packet = control_.receive();
    if (packet) {
        end_ = parseExecEnd(packet->data);
    }
    relay_.finish();
    return false;
}

bool ExecSession::onSignal() {
    while (const auto signal = signals_.take()) {
        if (*signal == SIGTSTP) {
            onStop();
        } else if (*signal == SIGWINCH) {
            const auto size = terminalSize(STDIN_FILENO);
            if (master_ && size) {
                setTerminalSize(master_->get(), *size);
            }
        } else if (tty_) {
            // Typed signals pass through the pty as characters; this one is meant for zonectl.
            // Closing the control socket hangs the program up.
            control_.close();
            end_ = {signalBase + *signal, ""};
            relay_.stop();
        } else {
            control_.send(json{{"signal", *signal}}.dump());
        }
    }
    return true;
}

void ExecSession::onStop() {
    if (raw_) {
        raw_->suspend();
    }
    ::raise(SIGSTOP);
    if (raw_) {
        raw_->resume();
    }
}

ExecEnd ExecSession::run() {
    relay_.run();
    return end_;
}

/// What became of the zone of a session that was killed; "" where it runs on. An init that shuts down by itself ends
/// sessions first, and is seen to be gone a little later.
std::string fateOfZone(Client& client, const ObjectPath& zone, std::time_t begun) {
    constexpr int attempts = 20;
    constexpr std::chrono::milliseconds pause{100};
    try {
        for (int attempt = 0; attempt < attempts; ++attempt) {
            const ZoneDetails details = client.zoneDetails(zone);
            if (details.state != "running") {
                return "shut down";
            }
            if (details.since > begun) {
                return "rebooted";
            }
            std::this_thread::sleep_for(pause);
        }
    } catch (const BusError&) {
        // the service has ended as well: nobody knows
    }
    return "";
}

} // namespace

ExecEnd parseExecEnd(std::string_view message) {
    const json end = json::parse(message, nullptr, false);
    const auto number = [&](const char* key) -> std::optional<int> {
        const auto found = end.find(key);
        return found != end.end() && found->is_number_integer() ? std::optional(found->get<int>()) : std::nullopt;
    };
    if (end.is_object()) {
        if (const auto exited = number("exited")) {
            return {*exited, ""};
        }
        if (const auto killed = number("killed")) {
            return {signalBase + *killed, "", true};
        }
        if (const auto error = end.find("error"); error != end.end() && error->is_string()) {
            return {number("code").value_or(1), error->get<std::string>()};
        }
    }
    return {1, "the zone's supervisor sent something unreadable"};
}

void describeTerminal(ExecRequest& request) {
    const auto size = terminalSize(isTerminal(STDIN_FILENO) ? STDIN_FILENO : STDOUT_FILENO);
    if (size) {
        request.rows = size->rows;
        request.columns = size->columns;
    }
    if (const char* term = std::getenv("TERM"); term != nullptr) {
        request.term = term;
    }
}

int relayExec(Client& client, const std::string& zone, const ExecRequest& request, const std::string& what) {
    ExecEnd end;
    try {
        const ObjectPath path = client.zone(zone);
        const std::time_t begun = std::time(nullptr);
        // The session's terminal and signals are given back before anything is said.
        end = ExecSession(client.exec(path, request), request.tty).run();
        if (end.killed && request.tty) {
            const std::string fate = fateOfZone(client, path, begun);
            end.problem = fate.empty() ? "" : sys::join("zone ", zone, " ", fate, "; the session ended with it");
        }
    } catch (const BusError& e) {
        reportFailure(what, e.what());
        return 1;
    }
    if (end.killed && !end.problem.empty()) {
        printError(end.problem);
    } else if (!end.problem.empty()) {
        reportFailure(what, end.problem);
    }
    return end.status;
}

} // namespace zoned::ctl
