// The escape sequence that leaves a console: "~." at the start of a line, as ssh and cu have it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace zoned::ctl {

class EscapeScanner {
public:
    /// @param escape nothing: all bytes pass, there is no way out
    explicit EscapeScanner(std::optional<char> escape) : escape_(escape) {}

    struct Result {
        std::string typed;  // what goes on to the zone
        bool leave = false; // the escape was typed; bytes after it are dropped
    };
    /// Takes what was typed, in pieces of any size. The escape character is held back at the
    /// start of a line until the next byte says what it meant: '.' leaves, another escape
    /// character sends one, anything else is sent after it.
    [[nodiscard]] Result feed(std::string_view bytes);

private:
    std::optional<char> escape_;
    bool lineStart_ = true;
    bool held_ = false;
};

/// The value of -e: one ASCII character, "^X" for a control character, or "none".
/// Throws UsageError for anything else.
[[nodiscard]] std::optional<char> parseEscape(const std::string& text);
/// "~." or "^]."
[[nodiscard]] std::string escapeText(char escape);
/// How to leave, for people: "leave with ~., over ssh with ~~.". Whether it is over ssh is not to be known here: sudo
/// takes ssh's variables away.
[[nodiscard]] std::string leaveText(char escape);

} // namespace zoned::ctl
