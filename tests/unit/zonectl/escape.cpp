#include "zonectl/escape.hpp"

#include "support/catch.hpp"
#include "zonectl/arguments.hpp"

using zoned::ctl::EscapeScanner;
using zoned::ctl::escapeText;
using zoned::ctl::parseEscape;
using zoned::ctl::UsageError;

TEST_CASE("the escape at the very start leaves", "[escape]") {
    EscapeScanner scanner('~');
    const auto result = scanner.feed("~.ls");
    CHECK(result.leave);
    CHECK(result.typed.empty());
}

TEST_CASE("the escape leaves after a line's end, also in pieces of one byte", "[escape]") {
    for (const std::string lineEnd : {"\r", "\n"}) {
        EscapeScanner scanner('~');
        CHECK(scanner.feed("ls" + lineEnd).typed == "ls" + lineEnd);
        const auto first = scanner.feed("~");
        CHECK_FALSE(first.leave);
        CHECK(first.typed.empty());
        CHECK(scanner.feed(".").leave);
    }
}

TEST_CASE("the escape character inside a line is an ordinary one", "[escape]") {
    EscapeScanner scanner('~');
    const auto result = scanner.feed("cd ~.config");
    CHECK_FALSE(result.leave);
    CHECK(result.typed == "cd ~.config");
}

TEST_CASE("a doubled escape character sends one and does not leave", "[escape]") {
    EscapeScanner scanner('~');
    const auto result = scanner.feed("\r~~.");
    CHECK_FALSE(result.leave);
    CHECK(result.typed == "\r~.");
}

TEST_CASE("the escape character before another byte is sent with it", "[escape]") {
    EscapeScanner scanner('~');
    const auto result = scanner.feed("~/bin/x\r");
    CHECK_FALSE(result.leave);
    CHECK(result.typed == "~/bin/x\r");
    // The line end was seen: the next escape leaves.
    CHECK(scanner.feed("~.").leave);
}

TEST_CASE("a line's end after the escape character starts a new line", "[escape]") {
    EscapeScanner scanner('~');
    CHECK(scanner.feed("~\r").typed == "~\r");
    CHECK(scanner.feed("~.").leave);
}

TEST_CASE("without an escape character everything passes", "[escape]") {
    EscapeScanner scanner(std::nullopt);
    const std::string bytes("~.\r~.\0\xff", 7);
    const auto result = scanner.feed(bytes);
    CHECK_FALSE(result.leave);
    CHECK(result.typed == bytes);
}

TEST_CASE("-e takes a character, a control character or none", "[escape]") {
    CHECK(parseEscape("%") == '%');
    CHECK(parseEscape("^]") == '\x1d');
    CHECK(parseEscape("^a") == '\x01');
    CHECK(parseEscape("none") == std::nullopt);
    CHECK(parseEscape("^") == '^');
    for (const std::string bad : {"", "ab", ".", " ", "\r", "^\xc3", "\xc3\xa9"}) {
        INFO(bad);
        CHECK_THROWS_AS(parseEscape(bad), UsageError);
    }
    CHECK(escapeText('~') == "~.");
    CHECK(escapeText('\x1d') == "^].");
}

TEST_CASE("how to leave is said for ssh, too, which takes ~. itself", "[escape]") {
    CHECK(zoned::ctl::leaveText('~') == "leave with ~., over ssh with ~~.");
    CHECK(zoned::ctl::leaveText('%') == "leave with %.");
    CHECK(zoned::ctl::leaveText('\x1d') == "leave with ^].");
}
