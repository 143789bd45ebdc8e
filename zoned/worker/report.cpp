#include "report.hpp"

#include <nlohmann/json.hpp>

#include "sys/file.hpp"

namespace zoned::worker {

namespace {
void writeLine(int fd, const nlohmann::json& line) {
    // names in archives need not be UTF-8, JSON must
    constexpr auto replace = nlohmann::json::error_handler_t::replace;
    sys::writeAll(fd, line.dump(-1, ' ', false, replace) + "\n", "the report to zoned");
}
} // namespace

void Report::progress(double fraction, const std::string& message) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) {
        return;
    }
    next_ = now + std::chrono::milliseconds(100);
    const double shown = fraction < 0 ? -1.0 : std::min(fraction, 1.0);
    writeLine(fd_, {{"progress", shown}, {"message", printable(message)}});
}

void Report::result(const ImageResult& image) {
    writeLine(fd_, {{"result",
                     {{"bytes", image.bytes},
                      {"files", image.files},
                      {"osName", printable(image.osName)},
                      {"notes", image.notes}}}});
}

void Report::done() {
    writeLine(fd_, {{"result", nlohmann::json::object()}});
}

void Report::found(const std::map<std::string, std::int64_t>& things) {
    writeLine(fd_, {{"result", {{"found", things}}}});
}

void Report::error(const Failure& failure) {
    writeLine(fd_, {{"error", printable(failure.what(), 2000)}, {"kind", name(failure.kind())}});
}

} // namespace zoned::worker
