#include "log.hpp"

#include <systemd/sd-daemon.h>

#include <cstdlib>
#include <memory>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace zoned::daemon {
namespace {

/// The journal has the time already, and takes "<3>" for the importance of a line (sd-daemon(3)).
class Importance final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& line) override {
        const char* prefix = SD_DEBUG;
        if (message.level >= spdlog::level::err) {
            prefix = SD_ERR;
        } else if (message.level == spdlog::level::warn) {
            prefix = SD_WARNING;
        } else if (message.level == spdlog::level::info) {
            prefix = SD_INFO;
        }
        line.append(prefix, prefix + 3);
    }
    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<Importance>();
    }
};

} // namespace

void setUpLog(const std::string& level) {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    if (getenv("JOURNAL_STREAM") != nullptr) {
        formatter->add_flag<Importance>('J').set_pattern("%J%v");
    } else {
        formatter->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l: %v");
    }
    auto logger = spdlog::stderr_logger_st("zoned");
    logger->set_formatter(std::move(formatter));
    logger->set_level(spdlog::level::from_str(level));
    spdlog::set_default_logger(std::move(logger));
}

} // namespace zoned::daemon
