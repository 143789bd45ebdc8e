#include "terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "arguments.hpp"
#include "output.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::ctl {

bool isTerminal(int fd) noexcept {
    return ::isatty(fd) == 1;
}

RawTerminal::RawTerminal(int fd) : fd_(fd) {
    sys::check(::tcgetattr(fd_, &before_), "reading the terminal's settings");
    resume();
}

RawTerminal::~RawTerminal() {
    suspend();
}

/// What was typed and not read yet goes: it was meant for the zone, or is its terminal's answer to a query of the zone,
/// and would be taken by the shell of the host.
void RawTerminal::suspend() noexcept {
    ::tcsetattr(fd_, TCSAFLUSH, &before_);
}

void RawTerminal::resume() {
    termios raw = before_;
    ::cfmakeraw(&raw);
    sys::check(::tcsetattr(fd_, TCSADRAIN, &raw), "putting the terminal into raw mode");
}

std::optional<TerminalSize> terminalSize(int fd) noexcept {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) {
        return std::nullopt;
    }
    return TerminalSize{size.ws_row, size.ws_col};
}

void setTerminalSize(int master, TerminalSize size) noexcept {
    winsize value{};
    value.ws_row = size.rows;
    value.ws_col = size.columns;
    ::ioctl(master, TIOCSWINSZ, &value);
}

bool confirm(const std::string& question) {
    if (!isTerminal(STDIN_FILENO) || !isTerminal(STDERR_FILENO)) {
        throw UsageError("this removes data; give --force where there is no terminal to ask on");
    }
    sys::writeAll(STDERR_FILENO, cleanLine(question) + " [y/N] ", "the terminal");
    std::string answer;
    char byte = 0;
    for (;;) {
        const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0 || byte == '\n') {
            break;
        }
        answer += byte;
    }
    return answer == "y" || answer == "Y" || answer == "yes";
}

} // namespace zoned::ctl
