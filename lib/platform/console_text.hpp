// Bytes that a zone writes to its console, made harmless for logs and terminals
// of people who did not ask to be connected to it.
#pragma once

#include <string>
#include <string_view>

namespace zoned::platform {

/// Takes escape sequences and control characters (but line feeds and tabs) out of a stream of UTF-8;
/// bytes that are no UTF-8 become '?'. Pieces may end anywhere.
class TextCleaner {
public:
    [[nodiscard]] std::string feed(std::string_view piece);

private:
    enum class State { text, escape, control, string, stringEscape };
    void text(unsigned char byte, std::string& out);
    void flushBroken(std::string& out);

    State state_ = State::text;
    std::string sequence_; // an unfinished UTF-8 sequence
    std::size_t expected_ = 0;
};

/// Sees when a program asks its terminal for the window size or cursor position (`CSI 18 t`, `CSI 6 n`) and
/// says what an 80x24 terminal would answer. systemd 257 and newer wait for that answer at start and stop.
class TerminalQueries {
public:
    [[nodiscard]] std::string answersTo(std::string_view piece);

private:
    std::string pending_; // the beginning of a sequence, cut by the end of a piece
};

} // namespace zoned::platform
