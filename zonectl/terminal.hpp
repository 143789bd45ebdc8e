// The user's terminal: raw mode with its restoration, size, and questions.
#pragma once

#include <termios.h>

#include <cstdint>
#include <optional>
#include <string>

namespace zoned::ctl {

[[nodiscard]] bool isTerminal(int fd) noexcept;

/// Puts a terminal into raw mode and gives it back as it was when destroyed. Signals that would
/// end zonectl are taken by Signals meanwhile, so the destructor runs on those ways out too.
class RawTerminal {
public:
    explicit RawTerminal(int fd);
    ~RawTerminal();
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;

    /// Around a stop of the process (SIGTSTP): the shell gets its terminal back meanwhile.
    void suspend() noexcept;
    void resume();

private:
    int fd_;
    termios before_{};
};

struct TerminalSize {
    std::uint16_t rows;
    std::uint16_t columns;
};
/// Nothing where `fd` is no terminal or does not know.
[[nodiscard]] std::optional<TerminalSize> terminalSize(int fd) noexcept;
/// Sets the size of a pty; a terminal that is gone already is none of the caller's worries.
void setTerminalSize(int master, TerminalSize size) noexcept;

/// Asks a yes-or-no question on the terminal; anything but "y" or "yes" is no.
/// Throws UsageError that names --force where there is no terminal to ask on.
[[nodiscard]] bool confirm(const std::string& question);

} // namespace zoned::ctl
