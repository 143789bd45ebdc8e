#include "platform/console_text.hpp"

#include "support/catch.hpp"

using zoned::platform::TerminalQueries;
using zoned::platform::TextCleaner;

namespace {

std::string clean(std::string_view text) {
    return TextCleaner().feed(text);
}

/// Fed in pieces of every length, a stream must come out the same.
void requireSameInPieces(std::string_view text) {
    const std::string whole = clean(text);
    for (std::size_t length = 1; length < text.size(); ++length) {
        TextCleaner cleaner;
        std::string out;
        for (std::size_t at = 0; at < text.size(); at += length) {
            out += cleaner.feed(text.substr(at, length));
        }
        REQUIRE(out == whole);
    }
}

} // namespace

TEST_CASE("plain text, tabs and line feeds pass, carriage returns do not") {
    REQUIRE(clean("one\ttwo\r\nthree") == "one\ttwo\nthree");
}

TEST_CASE("escape sequences of every kind are taken out") {
    REQUIRE(clean("\033[1;31mred\033[0m") == "red");
    REQUIRE(clean("\033]0;a title\007text") == "text");
    REQUIRE(clean("\033]0;a title\033\\text") == "text");
    REQUIRE(clean("\033Pq#0\033\\text") == "text");
    REQUIRE(clean("\033(Btext") == "text");
    REQUIRE(clean("\033ctext") == "text");
}

TEST_CASE("a sequence that never ends hides no further line") {
    REQUIRE(clean("\033[12\nseen") == "\nseen");
    REQUIRE(clean("\033]0;title\nseen") == "seen");
}

TEST_CASE("control characters and C1 controls are taken out") {
    REQUIRE(clean(std::string_view("a\0b\x07\x08\x7f"
                                   "c",
                                   7)) == "abc");
    REQUIRE(clean("a\xc2\x9b"
                  "31mb") == "a?31mb");
}

TEST_CASE("UTF-8 passes and anything else becomes a question mark") {
    REQUIRE(clean("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80") ==
            "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
    REQUIRE(clean("\xff") == "?");
    REQUIRE(clean("\xc0\xaf") == "??");        // overlong '/'
    REQUIRE(clean("\xe0\x80\xaf") == "?");     // overlong in three bytes
    REQUIRE(clean("\xed\xa0\x80") == "?");     // a surrogate
    REQUIRE(clean("\xf4\x90\x80\x80") == "?"); // above U+10FFFF
    REQUIRE(clean("\xc3x") == "?x");
}

TEST_CASE("pieces may end anywhere") {
    requireSameInPieces("a\033[1mb\xc3\xbc\033]0;t\033\\c\xe2\x82\xac\xff\r\nd");
}

TEST_CASE("queries for size and cursor are answered, also when cut in two") {
    TerminalQueries queries;
    REQUIRE(queries.answersTo("text\033[18t") == "\033[8;24;80t");
    REQUIRE(queries.answersTo("\033[") == "");
    REQUIRE(queries.answersTo("6nmore\033[6n") == "\033[24;80R\033[24;80R");
    REQUIRE(queries.answersTo("\033[1m\033[0m") == "");
}
