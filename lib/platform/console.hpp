// A zone's console, as its supervisor keeps it: always drained, whoever looks.
//
// A zone whose console nobody reads hangs at shutdown once the terminal's
// buffer is full, and one whose console has no open slave end sees hang-ups; so
// the console holds both ends as long as the zone is up. Viewers come and go, also
// while the zone is down: they stay connected over reboots. What comes is theirs as
// the zone writes it: their terminal is the zone's. The last output before they came is
// data: it is kept in memory for them and shown with nothing in it that a terminal would
// answer; and it is, cleaned of all but text, in a bounded log on disk.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>

#include "platform/console_journal.hpp"
#include "platform/console_text.hpp"
#include "sys/event_loop.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::platform {

class Console {
public:
    /// @param logPath the log; PATH.1 is the one before. @param whenUnwatched called when the last viewer has gone
    Console(sys::EventLoop& loop, std::string logPath, std::function<void()> whenUnwatched);

    /// From now on the cleaned output goes there, too; nothing: to the log only.
    void journalTo(std::optional<ConsoleJournal> journal) { journal_ = std::move(journal); }
    /// Takes the master end of a new boot's terminal.
    void connect(sys::UniqueFd master);
    /// Reads what is left and lets the terminal go: the zone is down.
    void disconnect();

    /// The stream socket of a new viewer, which first gets the last output. Throws sys::Error where there are too many.
    /// @param by the user of the host who asked
    [[nodiscard]] sys::UniqueFd addViewer(uid_t by);
    [[nodiscard]] bool watched() const noexcept { return !viewers_.empty(); }

private:
    struct Viewer {
        sys::UniqueFd socket;
        sys::EventLoop::Source source;
        std::string outgoing;
        uid_t by = 0;
        bool lost = false; // it read too slowly, output was left out
    };
    using ViewerAt = std::list<Viewer>::iterator;

    void readTerminal();
    void publish(std::string_view output);
    void log(std::string_view text);
    void type(std::string_view input);
    void flushInput();
    [[nodiscard]] std::string replay() const;
    void serve(ViewerAt viewer, std::uint32_t events);
    void flush(Viewer& viewer);
    void dropViewer(ViewerAt viewer);

    sys::EventLoop& loop_;
    std::string logPath_;
    std::function<void()> whenUnwatched_;
    sys::UniqueFd master_;
    sys::UniqueFd slave_; // kept open: else the master reports hang-ups while nobody in the zone has it open
    sys::EventLoop::Source masterSource_;
    sys::UniqueFd log_;
    std::uint64_t logged_ = 0;
    std::optional<ConsoleJournal> journal_;
    TextCleaner cleaner_;
    TerminalQueries queries_;
    std::string history_; // raw
    std::string typed_;   // not yet taken by the terminal
    std::list<Viewer> viewers_;
};

} // namespace zoned::platform
