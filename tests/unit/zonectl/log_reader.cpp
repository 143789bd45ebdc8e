#include "zonectl/log_reader.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "support/catch.hpp"
#include "support/test_folder.hpp"

using namespace zoned;
using ctl::lastLines;

namespace {

/// A log as the service has it: PATH, and PATH.1 before it.
struct Log {
    test::TestFolder scratch;
    int asked = 0;
    ctl::LogReader reader{[this] {
        ++asked;
        std::vector<sys::UniqueFd> files;
        for (const char* name : {"log.1", "log"}) {
            sys::UniqueFd file(::open((scratch / name).c_str(), O_RDONLY | O_CLOEXEC));
            if (file) {
                files.push_back(std::move(file));
            }
        }
        return files;
    }};

    void append(const std::string& text) const {
        const sys::UniqueFd file(::open((scratch / "log").c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
        REQUIRE(::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }
    void rotate() const { REQUIRE(::rename((scratch / "log").c_str(), (scratch / "log.1").c_str()) == 0); }
};

} // namespace

TEST_CASE("everything comes first, then what is added", "[log]") {
    Log log;
    CHECK(log.reader.news().empty());
    log.append("one\n");
    CHECK(log.reader.news() == "one\n");
    CHECK(log.reader.news().empty());
    const int asked = log.asked;
    log.append("two\n");
    CHECK(log.reader.news() == "two\n");
    CHECK(log.asked == asked); // the file that is open goes on
}

TEST_CASE("nothing is lost or told twice when the log goes on in another file", "[log]") {
    Log log;
    log.append("one\n");
    log.rotate();
    log.append("two\n");
    CHECK(log.reader.news() == "one\ntwo\n");
    log.append("three\n");
    log.rotate();
    CHECK(log.reader.news() == "three\n"); // and there is no new one yet
    CHECK(log.reader.news().empty());
    log.append("four\n");
    CHECK(log.reader.news() == "four\n");
    log.rotate();
    log.append("five\n");
    log.rotate();
    log.append("six\n");
    CHECK(log.reader.news() == "five\nsix\n");
}

TEST_CASE("what was there before is skipped, also where the log goes on in another file or was not there", "[log]") {
    Log log;
    log.append("of the boot before\n");
    log.reader.skip();
    CHECK(log.reader.news().empty());
    log.append("one\n");
    log.rotate();
    log.append("two\n");
    CHECK(log.reader.news() == "one\ntwo\n");
    Log fresh;
    fresh.reader.skip();
    fresh.append("one\n");
    CHECK(fresh.reader.news() == "one\n");
}

TEST_CASE("what a zone wrote is shown without control characters, and no character is cut", "[log]") {
    Log log;
    log.append("\033]0;owned\007 caf\xc3");
    CHECK(log.reader.news() == "?]0;owned? caf");
    log.append("\xa9\n");
    CHECK(log.reader.news() == "\u00e9\n");
}

TEST_CASE("the last lines are counted from the end", "[log]") {
    CHECK(lastLines("a\nb\nc\n", 2) == "b\nc\n");
    CHECK(lastLines("a\nb\nc", 2) == "b\nc");
    CHECK(lastLines("a\nb\n", 5) == "a\nb\n");
    CHECK(lastLines("a\n\n", 1) == "\n");
    CHECK(lastLines("a\nb\n", 0).empty());
    CHECK(lastLines("", 3).empty());
}
