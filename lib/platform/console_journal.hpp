// A zone's console as messages of the journal: whole lines, and no more of them
// than a budget allows, so that a zone cannot fill the host's journal.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace zoned::platform {

class ConsoleJournal {
public:
    using Clock = std::chrono::steady_clock;
    /// Hands one message over; false where it is lost.
    using Send = std::function<bool(std::string_view message)>;

    static constexpr int linesAnInterval = 1000;
    static constexpr std::chrono::seconds interval{30};
    static constexpr std::size_t lineBytes = 2048; // longer ones are cut in pieces

    explicit ConsoleJournal(Send send, std::function<Clock::time_point()> now = Clock::now);

    /// @param text cleaned of control characters (platform/console_text.hpp); lines may end anywhere
    void feed(std::string_view text);
    /// The zone is down: what is left of a line, and what was left out, is told.
    void finish();

private:
    void line(std::string_view text);
    void tellLost();

    Send send_;
    std::function<Clock::time_point()> now_;
    std::string pending_; // a line without its end
    Clock::time_point begin_{};
    int lines_ = 0;
    std::uint64_t lost_ = 0;
};

/// One that sends to journald's socket at `path`, with the fields ZONE and SYSLOG_IDENTIFIER=zone-console.
[[nodiscard]] ConsoleJournal consoleJournal(const std::string& path, const std::string& zone);

} // namespace zoned::platform
