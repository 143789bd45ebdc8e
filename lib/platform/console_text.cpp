#include "platform/console_text.hpp"

namespace zoned::platform {

namespace {

constexpr unsigned char escapeByte = 0x1b;
constexpr unsigned char bell = 0x07;

std::size_t sequenceLength(unsigned char first) {
    if (first >= 0xc2 && first <= 0xdf) {
        return 2;
    }
    if (first >= 0xe0 && first <= 0xef) {
        return 3;
    }
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF; and no C1 control character.
bool isHarmless(const std::string& bytes) {
    const auto at = [&bytes](std::size_t index) { return static_cast<unsigned char>(bytes[index]); };
    switch (at(0)) {
    case 0xc2:
    case 0xe0:
        return at(1) >= 0xa0;
    case 0xed:
        return at(1) <= 0x9f;
    case 0xf0:
        return at(1) >= 0x90;
    case 0xf4:
        return at(1) <= 0x8f;
    default:
        return true;
    }
}

constexpr std::size_t longestParameters = 64; // a colour of 24 bits, in and behind, takes some forty

/// Whether a control sequence does no more than to colour, to move within the screen or to erase there. Said by what is
/// known to be so, since terminals answer many others (`c`, `n`, `t`, `x`, `u`; with '?', '>', '=' or '$' nearly
/// every letter), and some last: modes, margins, the end of what was scrolled away (`3J`).
bool isLooks(const std::string& parameters, unsigned char final) {
    constexpr std::string_view harmless = "ABCDEFGHXPLM@`defm";
    if (parameters.size() > longestParameters || parameters.find_first_not_of("0123456789;:") != std::string::npos) {
        return false;
    }
    if (final == 'J' || final == 'K') {
        return parameters.empty() || parameters == "0" || parameters == "1" || parameters == "2";
    }
    return harmless.find(static_cast<char>(final)) != std::string_view::npos;
}

} // namespace

void TextCleaner::flushBroken(std::string& out) {
    if (!sequence_.empty()) {
        out += '?';
        sequence_.clear();
    }
}

void TextCleaner::text(unsigned char byte, std::string& out) {
    if (!sequence_.empty() && (byte & 0xc0) == 0x80) {
        sequence_ += static_cast<char>(byte);
        if (sequence_.size() == expected_) {
            out += isHarmless(sequence_) ? sequence_ : "?";
            sequence_.clear();
        }
        return;
    }
    flushBroken(out);
    if (byte == escapeByte) {
        state_ = State::escape;
    } else if (byte == '\n' || byte == '\t' || (byte >= 0x20 && byte < 0x7f) ||
               (keep_ == Keep::looks && (byte == '\r' || byte == '\b'))) {
        out += static_cast<char>(byte);
    } else if (byte >= 0x80) {
        expected_ = sequenceLength(byte);
        if (expected_ == 0) {
            out += '?';
        } else {
            sequence_ = static_cast<char>(byte);
        }
    }
}

/// ECMA-48: CSI is ESC [, strings are ESC P, ] , X, ^ and _
void TextCleaner::escape(unsigned char byte, std::string& out) {
    out += byte == '\n' ? "\n" : "";
    if (byte == '[') {
        state_ = State::control;
        parameters_.clear();
    } else if (byte == 'P' || byte == ']' || byte == 'X' || byte == '^' || byte == '_') {
        state_ = State::string;
    } else if (byte != escapeByte && (byte < 0x20 || byte > 0x2f)) {
        state_ = State::text;
    }
}

void TextCleaner::control(unsigned char byte, std::string& out) {
    if (byte == '\n' || byte == escapeByte) {
        state_ = byte == '\n' ? State::text : State::escape; // a broken sequence hides no line
        out += byte == '\n' ? "\n" : "";
    } else if (byte >= 0x40 && byte <= 0x7e) {
        state_ = State::text;
        if (keep_ == Keep::looks && isLooks(parameters_, byte)) {
            out += "\033[" + parameters_ + static_cast<char>(byte);
        }
    } else if (parameters_.size() <= longestParameters) {
        parameters_ += static_cast<char>(byte);
    }
}

void TextCleaner::string(unsigned char byte) {
    if (byte == escapeByte) {
        state_ = State::stringEscape;
    } else if (byte == bell || byte == '\n') {
        state_ = State::text;
    }
}

std::string TextCleaner::feed(std::string_view piece) {
    std::string out;
    out.reserve(piece.size());
    for (const char character : piece) {
        const auto byte = static_cast<unsigned char>(character);
        switch (state_) {
        case State::text:
            text(byte, out);
            break;
        case State::escape:
            escape(byte, out);
            break;
        case State::control:
            control(byte, out);
            break;
        case State::string:
            string(byte);
            break;
        case State::stringEscape:
            // ESC \ ends the string, and so does any other sequence that begins
            state_ = State::escape;
            escape(byte, out);
            break;
        }
    }
    return out;
}

std::string TerminalQueries::answersTo(std::string_view piece) {
    constexpr std::string_view sizeQuery = "\033[18t";
    constexpr std::string_view positionQuery = "\033[6n";
    constexpr std::size_t longest = sizeQuery.size();
    pending_ += piece;
    std::string answers;
    std::size_t from = 0;
    for (std::size_t at; (at = pending_.find('\033', from)) != std::string::npos; from = at + 1) {
        const std::string_view rest = std::string_view(pending_).substr(at);
        if (rest.starts_with(sizeQuery)) {
            answers += "\033[8;24;80t";
        } else if (rest.starts_with(positionQuery)) {
            answers += "\033[24;80R";
        } else if (rest.size() < longest) {
            pending_.erase(0, at);
            return answers;
        }
    }
    pending_.clear();
    return answers;
}

} // namespace zoned::platform
