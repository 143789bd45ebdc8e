#include <poll.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <limits>

#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "jobs.hpp"
#include "log_reader.hpp"
#include "output.hpp"
#include "sys/error.hpp"

namespace zoned::ctl {

namespace {

using sys::join;

constexpr std::size_t allLines = std::numeric_limits<std::size_t>::max();
/// As tail(1) and journalctl(1) have it.
constexpr std::size_t followedLines = 10;
constexpr std::chrono::milliseconds pause{250};

struct Log {
    std::string title;
    LogReader reader;
};

std::size_t parseLines(const std::string& text, bool follow) {
    if (text.empty()) {
        return follow ? followedLines : allLines;
    }
    std::size_t count = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), count);
    if (text == "all") {
        return allLines;
    }
    if (result.ec != std::errc() || result.ptr != text.data() + text.size()) {
        throw UsageError("--lines: '" + text + "' is neither a number nor 'all'");
    }
    return count;
}

/// Prints the logs, each under its title where there are several, as tail(1) does.
class Printer {
public:
    explicit Printer(bool titles) : titles_(titles) {}

    void show(const std::string& title, const std::string& text) {
        if (titles_ && title != last_) {
            print(join(last_.empty() ? "" : lineEnded_ ? "\n" : "\n\n", "==> ", title, " <==\n"));
            last_ = title;
            lineEnded_ = true;
        }
        print(text);
        lineEnded_ = text.empty() ? lineEnded_ : text.back() == '\n';
    }

private:
    bool titles_;
    bool lineEnded_ = true;
    std::string last_;
};

/// False where nobody reads what we print any more.
bool waitABit() {
    pollfd out{STDOUT_FILENO, 0, 0};
    (void)::poll(&out, 1, static_cast<int>(pause.count()));
    return (out.revents & (POLLERR | POLLHUP | POLLNVAL)) == 0;
}

void showLogs(std::vector<Log>& logs, std::size_t lines, bool follow) {
    Printer printer(logs.size() > 1);
    for (Log& log : logs) {
        const std::string text = log.reader.news();
        printer.show(log.title, lines == allLines ? text : lastLines(text, lines));
    }
    while (follow && waitABit()) {
        for (Log& log : logs) {
            if (const std::string text = log.reader.news(); !text.empty()) {
                printer.show(log.title, text);
            }
        }
    }
}

} // namespace

int runLog(const Command& self, const std::vector<std::string>& arguments) {
    std::string name;
    std::string count;
    bool follow = false;
    bool console = false;
    bool service = false;
    Arguments options("log", std::string(self.summary) +
                                 ".\nThe console's log is what the zone wrote to its console; the service's, what "
                                 "zoned did with the\nzone and why it ended, with times. Both are shown unless one "
                                 "is asked for. They are kept\nwithin bounds: the oldest lines go first. With "
                                 "systemd, 'journalctl ZONE=NAME' shows the same\nlines in the order of time.");
    options.flag("-f,--follow", follow, "Go on with what comes, until interrupted");
    options.option("-n,--lines", count, "LINES",
                   "The last LINES lines of each log, or all; default: all, with --follow 10");
    options.flag("-c,--console", console, "The console's log only");
    options.flag("-s,--service", service, "The service's log only");
    options.operand("NAME", name, "The zone");
    options.examples("zonectl log web\nzonectl log -f --console web\nzonectl log -s -n 20 web");
    options.parse(arguments);

    const std::size_t lines = parseLines(count, follow);
    try {
        Client client;
        const ObjectPath zone = client.zone(name);
        std::vector<Log> logs;
        for (const auto& [title, wanted] : {std::pair{"service", service}, std::pair{"console", console}}) {
            if (wanted || console == service) {
                logs.push_back({title, LogReader([&client, zone, source = std::string(title)] {
                                    return client.readLog(zone, source);
                                })});
            }
        }
        showLogs(logs, lines, follow);
    } catch (const BusError& e) {
        reportFailure("show the log of zone " + name, e.what());
        return 1;
    }
    return 0;
}

} // namespace zoned::ctl
