#include <algorithm>
#include <charconv>
#include <cstdint>

#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "event_wait.hpp"
#include "metrics.hpp"
#include "metrics_http.hpp"
#include "output.hpp"
#include "signals.hpp"
#include "stat_report.hpp"
#include "sys/error.hpp"

namespace zoned::ctl {

namespace {

struct Wanted {
    std::vector<std::string> names;
    std::optional<std::chrono::seconds> interval;
    std::uint64_t count = 0; // 0: for ever
    std::string resources, output;
    bool json = false;
    bool noHeadings = false;
};

bool startsLikeNumber(const std::string& word) {
    return !word.empty() && word.front() >= '0' && word.front() <= '9' &&
           word.find_first_not_of("0123456789hms") == std::string::npos;
}

bool isNumber(const std::string& word) {
    return !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
}

std::uint64_t countOf(const std::string& word) {
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), count);
    if (error != std::errc() || end != word.data() + word.size() || count == 0) {
        throw UsageError(sys::join("stat: COUNT: '", word, "' is no number from 1 on"));
    }
    return count;
}

/// INTERVAL and COUNT stand at the end and begin with a digit. Names may do that too: those go after "--".
void takeNumbers(std::vector<std::string>& words, Wanted& wanted) {
    std::size_t numbers = 0;
    while (numbers < 2 && numbers < words.size() && startsLikeNumber(words[words.size() - 1 - numbers])) {
        ++numbers;
    }
    if (numbers == 2 && !isNumber(words.back())) {
        throw UsageError(sys::join("stat: COUNT: '", words.back(), "' is no number from 1 on"));
    }
    if (numbers > 0) {
        wanted.interval = parseDuration("INTERVAL", words[words.size() - numbers]);
    }
    if (numbers == 2) {
        wanted.count = countOf(words.back());
    }
    words.resize(words.size() - numbers);
}

class Reporter {
public:
    explicit Reporter(const Wanted& wanted)
        : wanted_(wanted), layout_(wanted.json ? jsonLayoutOf(wanted.output, wanted.resources)
                                               : layoutOf(wanted.output, wanted.resources, !!wanted.interval)) {
        layout_.headings = !wanted.noHeadings;
    }

    /// What is there now, since the boot.
    int snapshot() {
        show(makeReport(Client().sample(wanted_.names), nullptr), 0);
        return 0;
    }

    /// Reports until there were enough of them or a signal comes; then the peaks.
    int run() {
        Client client;
        Signals signals;
        Sample before = client.sample(wanted_.names);
        Peaks peaks;
        auto next = std::chrono::steady_clock::now();
        while (wanted_.count == 0 || peaks.count() < wanted_.count) {
            next += *wanted_.interval;
            if (!sleep(client, signals, next)) {
                break;
            }
            Sample now;
            try {
                now = client.sample(wanted_.names);
            } catch (const BusError& error) {
                if (!serviceIsAway(error)) {
                    throw;
                }
                printError(error.what()); // it may be back in time for the next report
                continue;
            }
            const StatReport report = makeReport(now, &before);
            before = std::move(now);
            peaks.add(report);
            show(report, 0);
        }
        if (peaks.count() > 0) {
            show(peaks.report(), peaks.count());
        }
        return 0;
    }

private:
    static bool serviceIsAway(const BusError& error) {
        return error.name().starts_with("org.freedesktop.DBus.Error.") && !error.name().ends_with("AccessDenied");
    }

    /// False where a signal came.
    static bool sleep(Client& client, Signals& signals, std::chrono::steady_clock::time_point until) {
        for (;;) {
            switch (waitForEvent(client, signals, until)) {
            case Woken::bySignal:
                return false;
            case Woken::byDeadline:
                return true;
            case Woken::byNews:
                break;
            }
        }
    }

    void show(const StatReport& report, std::size_t peaksOf) {
        const auto now = std::chrono::system_clock::now();
        if (wanted_.json) {
            print(reportJson(report, layout_, timestamp(now), peaksOf));
            return;
        }
        std::string text;
        if (wanted_.interval) {
            const std::string time = timeText(std::chrono::system_clock::to_time_t(now));
            text = peaksOf > 0 ? sys::join("\npeaks of ", peaksOf, peaksOf == 1 ? " report:\n" : " reports:\n")
                               : sys::join(first_ ? "" : "\n", time, "\n");
        }
        first_ = false;
        print(text + reportText(report, layout_, widths_));
    }

    const Wanted& wanted_;
    StatLayout layout_;
    Widths widths_;
    bool first_ = true;
};

std::string metricsText() {
    Client client;
    const auto zones = client.zones();
    return openMetrics(client.version(), zones, client.sample({}));
}

} // namespace

int runStat(const Command& self, const std::vector<std::string>& arguments) {
    Wanted wanted;
    bool metrics = false;
    bool http = false;
    std::vector<std::string> words;
    std::vector<std::string> rest;
    Arguments options("stat", std::string(self.summary) +
                                  ".\nWithout INTERVAL: now, with counters and averages since each zone's boot. With "
                                  "it: a report for each\nINTERVAL, and after COUNT of them, or ^C, the peaks. A '-' "
                                  "is a number that cannot be had.");
    options.operands("NAME", words, "Zones (else all that are active), then INTERVAL (1s to 24h) and COUNT", true);
    options.rest("NAME…", rest, "Zones whose names look like numbers");
    options.option("-r,--resources", wanted.resources, "LIST", "Of cpu,memory,swap,processes,io,net,pressure");
    options.option("-o,--output", wanted.output, "COLUMNS", "See zonectl(1)");
    options.flag("-j,--json", wanted.json, "As JSON, a line for each report");
    options.flag("-n,--no-headings", wanted.noHeadings, "Without the line of headings");
    options.flag("--openmetrics", metrics, "As OpenMetrics text");
    options.flag("--http", http, "With --openmetrics: answer a request of HTTP on standard input");
    options.examples("zonectl stat\nzonectl stat web db 5\nzonectl stat -r cpu,pressure 1 10\n"
                     "zonectl stat -o name,cpu,memory --json");
    options.parse(arguments);
    takeNumbers(words, wanted);
    wanted.names = std::move(words);
    wanted.names.insert(wanted.names.end(), rest.begin(), rest.end());
    if (http && !metrics) {
        throw UsageError("stat: --http needs --openmetrics");
    }
    if (metrics) {
        if (wanted.interval || !wanted.names.empty() || wanted.json || wanted.noHeadings || !wanted.output.empty() ||
            !wanted.resources.empty()) {
            throw UsageError("stat: --openmetrics always tells everything of all zones, now: it takes nothing but "
                             "--http");
        }
        if (http) {
            return serveMetrics(metricsText);
        }
        print(metricsText());
        return 0;
    }
    if (!wanted.output.empty() && !wanted.resources.empty()) {
        throw UsageError("stat: --output and --resources exclude each other");
    }
    Reporter reporter(wanted);
    return wanted.interval ? reporter.run() : reporter.snapshot();
}

} // namespace zoned::ctl
