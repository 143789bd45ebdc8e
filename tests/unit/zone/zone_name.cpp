#include "zone/zone_name.hpp"

#include <string>

#include "support/catch.hpp"
#include "zone/fault.hpp"
#include "zone/text_rules.hpp"

using namespace zoned::zone;

TEST_CASE("a zone's name is a DNS label", "[zone_name]") {
    for (const std::string& good : {std::string("a"), std::string("0"), std::string("web"), std::string("web-1"),
                                    std::string("3com"), std::string("a--b"), std::string(63, 'x')}) {
        CAPTURE(good);
        CHECK(ZoneName(good).str() == good);
        CHECK_FALSE(ZoneName::problem(good));
    }
}

TEST_CASE("what is no DNS label cannot become a zone's name", "[zone_name]") {
    const std::string nul("a\0b", 3);
    for (const std::string& bad :
         {std::string(""), std::string("-x"), std::string("x-"), std::string(".."), std::string("."),
          std::string("a/b"), std::string("a.b"), std::string("A"), std::string("a_b"), std::string("a b"),
          std::string("a\n"), std::string("ä"), std::string(64, 'x'), std::string(300, 'x'), nul, std::string("global"),
          std::string("host"), std::string("\x1b[31m")}) {
        CAPTURE(bad);
        CHECK(ZoneName::problem(bad));
        try {
            const ZoneName made(bad);
            FAIL("was made");
        } catch (const Fault& fault) {
            CHECK(fault.kind() == FaultKind::invalidName);
            CHECK_FALSE(hasControlCharacter(fault.what())); // the complaint must be safe to show
            CHECK(std::string(fault.what()).size() < 200);
        }
    }
}

TEST_CASE("names that only begin like the reserved ones are free", "[zone_name]") {
    CHECK_FALSE(ZoneName::problem("global1"));
    CHECK_FALSE(ZoneName::problem("hosts"));
}

TEST_CASE("control characters are found in every form a terminal obeys", "[text_rules]") {
    CHECK(hasControlCharacter("a\nb"));
    CHECK(hasControlCharacter("\x7f"));
    CHECK(hasControlCharacter("\xc2\x9b")); // U+009B, CSI
    for (const char* mark :
         {"\u061c", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202e", "\u2066", "\u2069"}) {
        CHECK(hasControlCharacter(std::string("exe.") + mark + "txt"));
    }
    CHECK_FALSE(hasControlCharacter(
        "\u200d \u2027 \u202f \u2065 \u206a \u05d0 \u0639")); // their neighbours; letters of such texts
    CHECK(controlCharacterLength("\u202etxt") == 3);
    CHECK(controlCharacterLength("\xc2\x9b[") == 2);
    CHECK(controlCharacterLength("\x1b[") == 1);
    CHECK(controlCharacterLength("t\u202e") == 0);
    CHECK(controlCharacterLength("") == 0);
    CHECK_FALSE(hasControlCharacter("\xc2\xa0 ä € 😀")); // U+00A0 and what lies beyond
}

TEST_CASE("UTF-8 is checked as the standard says", "[text_rules]") {
    CHECK(isUtf8(""));
    CHECK(isUtf8("aä€😀"));
    for (const char* bad : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"}) {
        CHECK_FALSE(isUtf8(bad));
    }
}

TEST_CASE("a misspelt word finds the one that was meant", "[text_rules]") {
    const std::vector<std::string> words{"memory", "cpus", "processes"};
    CHECK(nearest("memoryy", words) == "memory");
    CHECK(nearest("cpu", words) == "cpus");
    CHECK(nearest("gateway", words).empty());
    CHECK(suggestion("memry", words) == "; did you mean 'memory'?");
    CHECK(suggestion("zzz", words).empty());
}
