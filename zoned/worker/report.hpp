// What the worker tells zoned: JSON lines on stdout.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "failure.hpp"

namespace zoned::worker {

struct ImageResult {
    std::uint64_t bytes = 0;
    std::uint64_t files = 0;
    std::string osName;
    std::vector<std::string> notes; // for the administrator
};

class Report {
public:
    explicit Report(int fd) : fd_(fd) {}

    /// @param fraction 0…1, negative where unknown. Most of more than ten lines a second are dropped.
    void progress(double fraction, const std::string& message);
    /// The last line of a job that ended well.
    void result(const ImageResult& image);
    void done();
    /// The last line of a job that looked things up.
    void found(const std::map<std::string, std::int64_t>& things);
    /// The last line of one that did not.
    void error(const Failure& failure);

private:
    int fd_;
    std::chrono::steady_clock::time_point next_;
};

} // namespace zoned::worker
