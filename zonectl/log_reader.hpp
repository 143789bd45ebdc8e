// One log of a zone, as the service hands its files over: all of it, and then
// what is added. Descriptors of plain files cannot be waited for; whoever
// follows a log asks again from time to time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sys/unique_fd.hpp"

namespace zoned::ctl {

class LogReader {
public:
    /// Asks the service for the files, oldest first; the last one grows.
    using Open = std::function<std::vector<sys::UniqueFd>()>;

    explicit LogReader(Open open) : open_(std::move(open)) {}

    /// What has been written since the last call, at first everything; safe on a terminal (output.hpp). A character
    /// that is not whole yet comes with the next call.
    [[nodiscard]] std::string news();
    /// Leaves out what has been written up to now, unread.
    void skip();

private:
    void take(sys::UniqueFd file);
    [[nodiscard]] bool outdated() const;

    Open open_;
    sys::UniqueFd current_;
    std::string raw_;
};

/// The last `count` lines of the text.
[[nodiscard]] std::string lastLines(const std::string& text, std::size_t count);

} // namespace zoned::ctl
