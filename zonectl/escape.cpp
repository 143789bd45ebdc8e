#include "escape.hpp"

#include "arguments.hpp"
#include "sys/error.hpp"

namespace zoned::ctl {

EscapeScanner::Result EscapeScanner::feed(std::string_view bytes) {
    Result result;
    for (const char byte : bytes) {
        if (held_) {
            held_ = false;
            if (byte == '.') {
                result.leave = true;
                return result;
            }
            result.typed += *escape_;
            lineStart_ = false;
            if (byte == *escape_) {
                continue;
            }
        } else if (lineStart_ && escape_ == byte) {
            held_ = true;
            continue;
        }
        result.typed += byte;
        lineStart_ = byte == '\r' || byte == '\n';
    }
    return result;
}

std::optional<char> parseEscape(const std::string& text) {
    if (text == "none") {
        return std::nullopt;
    }
    if (text.size() == 2 && text[0] == '^' && text[1] >= '@' && text[1] <= '~') {
        return static_cast<char>(text[1] & 0x1f);
    }
    // The bytes that end a line or the sequence itself would make it ambiguous.
    if (text.size() == 1 && text[0] > ' ' && text[0] <= '~' && text[0] != '.') {
        return text[0];
    }
    throw UsageError(sys::join("-e: '", text, "' is neither one character, nor ^X for a control character, nor none"));
}

std::string escapeText(char escape) {
    return escape < ' ' ? std::string{'^', static_cast<char>(escape | 0x40), '.'} : std::string{escape, '.'};
}

std::string leaveText(char escape) {
    constexpr char ofSsh = '~'; // it takes "~." itself, and passes one ~ of two (ssh(1), ESCAPE CHARACTERS)
    return "leave with " + escapeText(escape) +
           (escape == ofSsh ? std::string(", over ssh with ") + ofSsh + escapeText(escape) : "");
}

} // namespace zoned::ctl
