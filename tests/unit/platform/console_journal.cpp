#include "platform/console_journal.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace zoned;
using namespace std::chrono_literals;
using platform::ConsoleJournal;

namespace {

struct Journal {
    std::vector<std::string> lines;
    bool listens = true;
    ConsoleJournal::Clock::time_point now{1h};
    ConsoleJournal console{[this](std::string_view message) {
                               if (listens) {
                                   lines.emplace_back(message);
                               }
                               return listens;
                           },
                           [this] { return now; }};

    void write(int count) {
        for (int line = 0; line < count; ++line) {
            console.feed("x\n");
        }
    }
};

} // namespace

TEST_CASE("lines are sent whole, however they come, and empty ones not at all", "[console-journal]") {
    Journal journal;
    journal.console.feed("one\nt");
    journal.console.feed("w");
    journal.console.feed("o\n\n\nlogin: ");
    CHECK(journal.lines == std::vector<std::string>{"one", "two"});
    journal.console.finish();
    CHECK(journal.lines.back() == "login: ");
}

TEST_CASE("a line without an end is sent in pieces that cut no character", "[console-journal]") {
    Journal journal;
    std::string text(ConsoleJournal::lineBytes - 1, 'x');
    journal.console.feed(text + "\u00e9\u00e9 end\n");
    REQUIRE(journal.lines.size() == 2);
    CHECK(journal.lines[0] == text);
    CHECK(journal.lines[1] == "\u00e9\u00e9 end");
    journal.console.feed(std::string(3 * ConsoleJournal::lineBytes, 'y'));
    CHECK(journal.lines.size() >= 4);
}

TEST_CASE("more lines than an interval allows are left out and counted", "[console-journal]") {
    Journal journal;
    journal.write(ConsoleJournal::linesAnInterval + 7);
    CHECK(journal.lines.size() == ConsoleJournal::linesAnInterval);
    journal.now += ConsoleJournal::interval;
    journal.console.feed("after\n");
    REQUIRE(journal.lines.size() == ConsoleJournal::linesAnInterval + 2U);
    CHECK(journal.lines[ConsoleJournal::linesAnInterval].find("7 lines of the console left out") != std::string::npos);
    CHECK(journal.lines.back() == "after");
}

TEST_CASE("what was left out is told at the end of the zone, too", "[console-journal]") {
    Journal journal;
    journal.write(ConsoleJournal::linesAnInterval + 1);
    journal.console.finish();
    CHECK(journal.lines.back().find("1 line of the console left out") != std::string::npos);
}

TEST_CASE("lines that the journal did not take are counted until it listens again", "[console-journal]") {
    Journal journal;
    journal.listens = false;
    journal.write(3);
    journal.now += ConsoleJournal::interval;
    journal.listens = true;
    journal.console.feed("back\n");
    REQUIRE(journal.lines.size() == 2);
    CHECK(journal.lines[0].find("3 lines") != std::string::npos);
}
