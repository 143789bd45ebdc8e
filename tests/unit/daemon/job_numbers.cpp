#include "job_numbers.hpp"

#include <sys/stat.h>

#include <set>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/file.hpp"

using namespace zoned;
using daemon::JobNumbers;

TEST_CASE("the first job of a host that was just booted is number 1") {
    const test::TestFolder folder;
    JobNumbers numbers(folder.path() + "/last-job");
    CHECK(numbers.next() == 1);
    CHECK(numbers.next() == 2);
}

TEST_CASE("no number is given out twice, however often the service is restarted, and they stay short") {
    const test::TestFolder folder;
    std::set<std::uint32_t> given;
    std::uint32_t last = 0;
    for (const int jobs : {1, 99, 100, 101, 0, 1, 250}) {
        JobNumbers numbers(folder.path() + "/last-job");
        for (int i = 0; i < jobs; ++i) {
            const std::uint32_t number = numbers.next();
            CHECK(given.insert(number).second);
            CHECK(number > last);
            last = number;
        }
    }
    CHECK(last < 1200);
}

TEST_CASE("where zones are up already, a service that left no note had jobs, too") {
    const test::TestFolder folder;
    sys::makeDirectories(folder.path() + "/zones/web");
    CHECK(JobNumbers(folder.path() + "/last-job").next() > 100);
}

TEST_CASE("a damaged note of what was given out lets the count go on above it") {
    for (const std::string text : {"", "x", "17x", "-1", "99999999999999999999"}) {
        const test::TestFolder folder;
        const std::string path = folder.path() + "/last-job";
        sys::replaceVolatileFile(path, text);
        JobNumbers numbers(path);
        const std::uint32_t first = numbers.next();
        CHECK(first > 1);
        JobNumbers later(path);
        CHECK(later.next() > first);
    }
}

TEST_CASE("a pipe or a folder in the note's place neither blocks nor ends the service") {
    const test::TestFolder folder;
    REQUIRE(::mkfifo((folder.path() + "/pipe").c_str(), 0600) == 0);
    REQUIRE(::mkdir((folder.path() + "/folder").c_str(), 0700) == 0);
    CHECK(JobNumbers(folder.path() + "/pipe").next() > 1);
    CHECK(JobNumbers(folder.path() + "/folder").next() > 1);
}
