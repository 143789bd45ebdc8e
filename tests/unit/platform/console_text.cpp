#include "platform/console_text.hpp"

#include "support/catch.hpp"

using zoned::platform::TerminalQueries;
using zoned::platform::TextCleaner;

namespace {

std::string clean(std::string_view text) {
    return TextCleaner().feed(text);
}

std::string looks(std::string_view text) {
    return TextCleaner(TextCleaner::Keep::looks).feed(text);
}

/// Fed in pieces of every length, a stream must come out the same.
void requireSameInPieces(std::string_view text, TextCleaner::Keep keep = TextCleaner::Keep::text) {
    const std::string whole = TextCleaner(keep).feed(text);
    for (std::size_t length = 1; length < text.size(); ++length) {
        TextCleaner cleaner(keep);
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

TEST_CASE("a sequence may begin before another has ended, and hides no line either") {
    REQUIRE(clean("\033\033[6ntext") == "text");
    REQUIRE(clean("\033]0;a\033[31mtext") == "text");
    REQUIRE(clean("\033\ntext") == "\ntext");
}

TEST_CASE("what a terminal would answer is not shown again") {
    const std::string_view queries[] = {"\033[c",
                                        "\033[>c",
                                        "\033[=c",
                                        "\033[0c",
                                        "\033Z",
                                        "\033[5n",
                                        "\033[6n",
                                        "\033[?6n",
                                        "\033[18t",
                                        "\033[21t",
                                        "\033[x",
                                        "\033[?u",
                                        "\033[>q",
                                        "\033[4$p",
                                        "\033[?2026$p",
                                        "\033[?4m",
                                        "\033[>4;?m",
                                        "\033[1;2$w",
                                        "\033[1*y",
                                        "\033[?1;1;0S",
                                        "\005",
                                        "\033]10;?\007",
                                        "\033]11;?\033\\",
                                        "\033]4;1;?\007",
                                        "\033]52;c;?\007",
                                        "\033P$qm\033\\",
                                        "\033P+q544e\033\\",
                                        "\033_Gi=1,a=q\033\\",
                                        "\033^x\033\\",
                                        "\033X\033\\",
                                        "\xc2\x9b"
                                        "6n",
                                        "\x9b"
                                        "6n",
                                        "\xc2\x90$qm\xc2\x9c",
                                        "\033[\033[6n",
                                        "\033[ 6n",
                                        "\033[6\007n"};
    for (const std::string_view query : queries) {
        INFO(std::string(query.substr(1)));
        const std::string shown = looks("a" + std::string(query) + "b");
        // nothing that begins a sequence is left, whatever of its letters are
        REQUIRE(shown.find_first_of("\033\005\x9b\x90") == std::string::npos);
        requireSameInPieces(query, TextCleaner::Keep::looks);
    }
}

TEST_CASE("nothing shown again lasts: no mode, no title, no lost lines") {
    for (const std::string_view lasting :
         {"\033[?1049h", "\033[?1000h", "\033[?2004h", "\033[4h", "\033[2;5r", "\033[3J", "\033[?3J", "\033]0;t\007",
          "\033c", "\033(0", "\016", "\033=", "\033[!p", "\007", "\033[1;2;3;4;5T", "\033[5i"}) {
        INFO(std::string(lasting.substr(1)));
        REQUIRE(looks("a" + std::string(lasting) + "b") == "ab");
    }
}

TEST_CASE("colours and the cursor within the screen are shown again") {
    const std::string_view kept =
        "\033[1;38;5;4mblue\033[0m\r\n\033[2K\033[1A\033[3C\033[10;4Hx\b\033[K\033[P\033[J\033[38:2::1:2:3m";
    REQUIRE(looks(kept) == kept);
    requireSameInPieces(kept, TextCleaner::Keep::looks);
    REQUIRE(clean(kept) == "blue\nx");
    REQUIRE(looks("\033[" + std::string(1000, '1') + "mtext") == "text");
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
