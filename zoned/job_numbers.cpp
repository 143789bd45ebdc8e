#include "job_numbers.hpp"

#include <charconv>
#include <ctime>
#include <optional>
#include <utility>

#include <spdlog/spdlog.h>

#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::daemon {
namespace {

constexpr std::uint32_t block = 100;

std::uint32_t hundredthsUp() {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<std::uint32_t>(now.tv_sec * 100 + now.tv_nsec / 10'000'000);
}

/// The number that a file holds. There is none on a host that has just booted; on another one the service of before may
/// have left none, and its jobs are waited for.
std::uint32_t numberIn(const std::string& path) {
    const auto text = sys::readFile(path);
    if (!text) {
        const bool fresh = path.empty() || sys::listDirectory(path.substr(0, path.rfind('/')) + "/zones").empty();
        return fresh ? 0 : hundredthsUp();
    }
    std::uint32_t number = 0;
    const auto [rest, fault] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (fault != std::errc{} || rest != text->data() + text->size()) {
        throw sys::Error("reading " + path + ": it holds no number", 0);
    }
    return number;
}

} // namespace

JobNumbers::JobNumbers(std::string path) : path_(std::move(path)) {
    try {
        last_ = numberIn(path_);
    } catch (const sys::Error& error) {
        last_ = hundredthsUp();
        spdlog::error("jobs are counted from {} on: {}", last_ + 1, error.what());
    }
    reserved_ = last_;
}

std::uint32_t JobNumbers::next() {
    if (++last_ == 0) { // after four thousand million
        last_ = 1;
        reserved_ = 0;
    }
    if (last_ > reserved_) {
        reserve();
    }
    return last_;
}

void JobNumbers::reserve() {
    const std::uint32_t most = ~std::uint32_t{0};
    reserved_ = most - last_ < block ? most : last_ + block - 1;
    if (path_.empty()) {
        return;
    }
    try {
        sys::replaceVolatileFile(path_, std::to_string(reserved_));
    } catch (const sys::Error& error) {
        spdlog::error("after a restart of this service jobs may have numbers that others had: {}", error.what());
    }
}

} // namespace zoned::daemon
