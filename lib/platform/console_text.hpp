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
    enum class Keep {
        text, // nothing else: for a log
        /// Also what only says how text looks and where it stands: colours, movement of the cursor and erasing within
        /// the screen, carriage return and backspace. A terminal answers none of it, and none of it lasts.
        looks
    };
    explicit TextCleaner(Keep keep = Keep::text) : keep_(keep) {}
    [[nodiscard]] std::string feed(std::string_view piece);

private:
    enum class State { text, escape, control, string, stringEscape };
    void text(unsigned char byte, std::string& out);
    void escape(unsigned char byte, std::string& out);
    void control(unsigned char byte, std::string& out);
    void string(unsigned char byte);
    void flushBroken(std::string& out);

    Keep keep_;
    State state_ = State::text;
    std::string sequence_; // an unfinished UTF-8 sequence
    std::size_t expected_ = 0;
    std::string parameters_; // of an unfinished control sequence
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
