#include "console_session.hpp"

#include <unistd.h>

#include <csignal>

#include "escape.hpp"
#include "jobs.hpp"
#include "output.hpp"
#include "relay.hpp"
#include "signals.hpp"
#include "sys/error.hpp"
#include "terminal.hpp"

namespace zoned::ctl {

namespace {

using sys::join;

class ConsoleSession {
public:
    ConsoleSession(Client& client, sys::UniqueFd console, const ConsoleRequest& request);
    int run();

    /// Why the session ended, for standard error, once the terminal is itself again.
    [[nodiscard]] const std::string& farewell() const noexcept { return farewell_; }
    [[nodiscard]] const std::optional<JobEnd>& failure() const noexcept { return failure_; }

private:
    bool onTyped(std::string& bytes);
    void onInputEnd();
    bool onSignal();
    bool onBus();

    Client& client_;
    bool typed_ = isTerminal(STDIN_FILENO);
    EscapeScanner escape_;
    SharedFd console_;
    Signals signals_;
    std::optional<RawTerminal> raw_;
    ObjectPath job_;
    Relay relay_;
    int status_ = 0;
    std::string farewell_ = "disconnected";
    std::optional<JobEnd> failure_;
};

ConsoleSession::ConsoleSession(Client& client, sys::UniqueFd console, const ConsoleRequest& request)
    : client_(client), escape_(request.escape), console_(share(std::move(console))) {
    if (request.start) {
        job_ = request.start();
        relay_.add(Watch{client_.fd(), [this] { return client_.events(); }, [this] { return onBus(); },
                         [this] { return client_.timeout(); }});
    }
    if (typed_) {
        raw_.emplace(STDIN_FILENO);
    }
    relay_.add(Stream{borrow(STDIN_FILENO), console_, false, [this](std::string& bytes) { return onTyped(bytes); },
                      [this] { onInputEnd(); }});
    relay_.add(Stream{console_, borrow(STDOUT_FILENO), true, {}, [this] { relay_.stop(); }});
    relay_.add(Watch{signals_.fd(), {}, [this] { return onSignal(); }, {}});
}

bool ConsoleSession::onTyped(std::string& bytes) {
    if (!typed_) {
        return true; // a script's bytes are data
    }
    auto result = escape_.feed(bytes);
    bytes = std::move(result.typed);
    return !result.leave;
}

/// A script that has said all it wants to say still reads on, so the connection stays.
void ConsoleSession::onInputEnd() {
    if (typed_) {
        relay_.stop(); // the terminal is gone
    }
}

bool ConsoleSession::onSignal() {
    while (const auto signal = signals_.take()) {
        if (*signal == SIGTSTP) {
            if (raw_) {
                raw_->suspend();
            }
            ::raise(SIGSTOP);
            if (raw_) {
                raw_->resume();
            }
        } else if (*signal != SIGWINCH) {
            status_ = 128 + *signal;
            relay_.stop();
        }
    }
    return true;
}

bool ConsoleSession::onBus() {
    client_.dispatch();
    const auto end = client_.ended(job_);
    if (!end) {
        return true;
    }
    if (end->result != "done") {
        failure_ = end;
        status_ = 1;
        relay_.finish();
    }
    return false;
}

int ConsoleSession::run() {
    relay_.run();
    return status_;
}

} // namespace

int relayConsole(Client& client, sys::UniqueFd console, const ConsoleRequest& request) {
    const bool terminal = isTerminal(STDIN_FILENO);
    if (terminal) {
        printNote(join("[connected to the console of ", request.zone,
                       request.escape ? "; " + leaveText(*request.escape) : "", "]"));
    }
    int status = 0;
    std::string farewell;
    std::optional<JobEnd> failure;
    {
        ConsoleSession session(client, std::move(console), request);
        status = session.run();
        farewell = session.farewell();
        failure = session.failure();
    }
    if (terminal) {
        printNote(join("\n[", farewell, "]"));
    }
    if (failure) {
        reportFailure(request.what, failure->message.empty() ? failure->error : failure->message);
    }
    return status;
}

} // namespace zoned::ctl
