#include "platform/console_journal.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include "sys/error.hpp"
#include "sys/journal.hpp"

namespace zoned::platform {

namespace {

/// Where the last character of UTF-8 begins: it may be unfinished.
std::size_t lastCharacter(std::string_view text) {
    std::size_t at = text.size() - 1;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) {
        --at;
    }
    return at;
}

} // namespace

ConsoleJournal::ConsoleJournal(Send send, std::function<Clock::time_point()> now)
    : send_(std::move(send)), now_(std::move(now)) {}

void ConsoleJournal::feed(std::string_view text) {
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::size_t room = lineBytes - pending_.size();
        const std::size_t taken = std::min(std::min(end, text.size()), room);
        pending_ += text.substr(0, taken);
        const bool ended = taken == end;
        text.remove_prefix(taken + (ended ? 1 : 0));
        if (ended) {
            line(pending_);
            pending_.clear();
        } else if (pending_.size() == lineBytes) {
            const std::string rest = pending_.substr(lastCharacter(pending_));
            pending_.resize(pending_.size() - rest.size());
            line(pending_);
            pending_ = rest;
        }
    }
}

void ConsoleJournal::line(std::string_view text) {
    if (text.empty()) {
        return;
    }
    const auto now = now_();
    if (lines_ == 0 || now - begin_ >= interval) {
        tellLost();
        begin_ = now;
        lines_ = 0;
    }
    if (++lines_ > linesAnInterval || !send_(text)) {
        ++lost_;
    }
}

void ConsoleJournal::tellLost() {
    if (lost_ > 0 && send_(sys::join("[", lost_, lost_ == 1 ? " line" : " lines",
                                     " of the console left out here; the console's log has them]"))) {
        lost_ = 0;
    }
}

void ConsoleJournal::finish() {
    line(pending_);
    pending_.clear();
    tellLost();
}

ConsoleJournal consoleJournal(const std::string& path, const std::string& zone) {
    return ConsoleJournal([socket = std::make_shared<sys::JournalSocket>(path), zone](std::string_view message) {
        const std::array<sys::JournalField, 4> fields{{{"MESSAGE", message},
                                                       {"PRIORITY", "6"}, // info
                                                       {"SYSLOG_IDENTIFIER", "zone-console"},
                                                       {"ZONE", zone}}};
        return socket->send(fields);
    });
}

} // namespace zoned::platform
