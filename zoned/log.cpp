#include "log.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include <spdlog/details/null_mutex.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "sys/error.hpp"
#include "sys/journal.hpp"
#include "zone_log.hpp"

namespace zoned::daemon {
namespace {

using spdlog::details::log_msg;
using Sink = spdlog::sinks::base_sink<spdlog::details::null_mutex>;

/// The zone that is being worked for; the service has one thread.
std::string& zoneAtWork() {
    static std::string zone;
    return zone;
}

/// Left by a LogAbout that an exception has ended.
std::string& zoneOfFault() {
    static std::string zone;
    return zone;
}

/// syslog(3)
const char* priorityOf(spdlog::level::level_enum level) {
    if (level >= spdlog::level::err) {
        return "3";
    }
    return level == spdlog::level::warn ? "4" : level == spdlog::level::info ? "6" : "7";
}

/// Messages with fields; what the journal does not take goes to stderr, as lines with their importance
/// (sd-daemon(3)).
class JournalSink final : public Sink {
    void sink_it_(const log_msg& message) override {
        const std::string_view text(message.payload.data(), message.payload.size());
        std::vector<sys::JournalField> fields{
            {"MESSAGE", text}, {"PRIORITY", priorityOf(message.level)}, {"SYSLOG_IDENTIFIER", "zoned"}};
        if (!zoneAtWork().empty()) {
            fields.emplace_back("ZONE", zoneAtWork());
        }
        if (!journal_.send(fields)) {
            const std::string line = sys::join("<", priorityOf(message.level), ">", text, "\n");
            (void)!::write(STDERR_FILENO, line.data(), line.size());
        }
    }
    void flush_() override {}

    sys::JournalSocket journal_{"/run/systemd/journal/socket"};
};

class ServiceLogSink final : public Sink {
public:
    explicit ServiceLogSink(std::function<std::string(const std::string&)> path) : path_(std::move(path)) {}

private:
    void sink_it_(const log_msg& message) override {
        if (!zoneAtWork().empty() && message.level >= spdlog::level::info) {
            if (const std::string path = path_(zoneAtWork()); !path.empty()) {
                appendServiceLog(path, {message.payload.data(), message.payload.size()});
            }
        }
    }
    void flush_() override {}

    std::function<std::string(const std::string&)> path_;
};

/// $JOURNAL_STREAM is inherited also where stderr has been given another place (systemd.exec(5)).
bool stderrIsTheJournal() {
    const char* stream = getenv("JOURNAL_STREAM");
    struct stat info {};
    return stream != nullptr && ::fstat(STDERR_FILENO, &info) == 0 &&
           std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) == stream;
}

} // namespace

LogAbout::LogAbout(const std::string& zone)
    : before_(std::exchange(zoneAtWork(), zone)), exceptions_(std::uncaught_exceptions()) {
    zoneOfFault().clear();
}

LogAbout::~LogAbout() {
    zoneOfFault() = std::uncaught_exceptions() > exceptions_ ? std::move(zoneAtWork()) : "";
    zoneAtWork() = std::move(before_);
}

std::string LogAbout::failed() {
    const std::string zone = std::exchange(zoneOfFault(), "");
    return zone.empty() ? zoneAtWork() : zone;
}

void setUpLog(const std::string& level, std::function<std::string(const std::string&)> serviceLog) {
    std::shared_ptr<spdlog::sinks::sink> main;
    if (stderrIsTheJournal()) {
        main = std::make_shared<JournalSink>();
    } else {
        main = std::make_shared<spdlog::sinks::stderr_sink_st>();
        main->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l: %v");
    }
    const std::array<spdlog::sink_ptr, 2> sinks{main, std::make_shared<ServiceLogSink>(std::move(serviceLog))};
    auto logger = std::make_shared<spdlog::logger>("zoned", sinks.begin(), sinks.end());
    logger->set_level(spdlog::level::from_str(level));
    spdlog::set_default_logger(std::move(logger));
}

} // namespace zoned::daemon
