#include "platform/run_record.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform_examples.hpp"
#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

using namespace zoned;
using platform::RunRecord;

TEST_CASE("a record is found again with its zone and its steps") {
    const test::TestFolder folder;
    const std::string path = folder.path() + "/record";
    {
        RunRecord record = RunRecord::begin(path, {test::fullSpec(), "/sys/fs/cgroup/zones.slice/web"});
        record.note("cgroup");
        record.note("mount:/with \"quotes\"\nand more");
    }
    const auto found = RunRecord::find(path);
    REQUIRE(found);
    REQUIRE(found->zone().cgroup == "/sys/fs/cgroup/zones.slice/web");
    REQUIRE(platform::toJson(found->zone().spec) == platform::toJson(test::fullSpec()));
    REQUIRE(found->steps() == std::vector<std::string>{"cgroup", "mount:/with \"quotes\"\nand more"});
}

TEST_CASE("a second record of the same zone is refused") {
    const test::TestFolder folder;
    const std::string path = folder.path() + "/record";
    (void)RunRecord::begin(path, {test::fullSpec(), "/cg"});
    REQUIRE_THROWS_AS(RunRecord::begin(path, {test::fullSpec(), "/cg"}), sys::Error);
}

TEST_CASE("no record is found where none is, and none after its removal") {
    const test::TestFolder folder;
    const std::string path = folder.path() + "/record";
    REQUIRE_FALSE(RunRecord::find(path));
    RunRecord::begin(path, {test::fullSpec(), "/cg"}).remove();
    REQUIRE_FALSE(RunRecord::find(path));
}

TEST_CASE("a torn record shows the steps that were noted whole, or says that it is damaged") {
    const test::TestFolder folder;
    const std::string path = folder.path() + "/record";
    {
        RunRecord record = RunRecord::begin(path, {test::fullSpec(), "/cg"});
        record.note("cgroup");
        record.note("process");
    }
    const std::string whole = *sys::readFile(path);
    const std::size_t headLength = whole.find('\n') + 1;
    for (std::size_t length = 0; length < whole.size(); ++length) {
        sys::replaceVolatileFile(path, whole.substr(0, length));
        if (length < headLength - 1) {
            REQUIRE_THROWS_AS(RunRecord::find(path), platform::DamagedRecord);
        } else {
            const auto found = RunRecord::find(path);
            REQUIRE(found);
            REQUIRE(found->steps().size() <= 2);
            REQUIRE((found->steps().empty() || found->steps().front() == "cgroup"));
        }
    }
}

TEST_CASE("a record of another shape is damaged, and nothing else") {
    const test::TestFolder folder;
    const std::string path = folder.path() + "/record";
    for (const std::string head :
         {R"({"cgroup": 7, "spec": ""})", R"({"cgroup": "/cg", "spec": {}})", R"({"cgroup": "/cg", "spec": []})",
          R"({"cgroup": "/cg", "spec": "{}"})", R"({"cgroup": "/cg", "spec": "no JSON"})", R"({"cgroup": "/cg"})", "[]",
          "7", "null", "\"text\"", "\xff\xfe"}) {
        sys::replaceVolatileFile(path, head + "\n");
        CAPTURE(head);
        REQUIRE_THROWS_AS(RunRecord::find(path), platform::DamagedRecord);
    }
    sys::removeFile(path);
    (void)RunRecord::begin(path, {test::fullSpec(), "/cg"});
    const std::string head = *sys::readFile(path);
    for (const std::string step : {R"({"step": 7})", R"({"step": null})", R"({"stop": "cgroup"})"}) {
        sys::replaceVolatileFile(path, head + step + "\n");
        CAPTURE(step);
        REQUIRE_THROWS_AS(RunRecord::find(path), platform::DamagedRecord);
    }
}

TEST_CASE("a folder, a pipe, a file without end in a record's place are a damaged record") {
    const test::TestFolder folder;
    const std::string path = folder.path() + "/record";
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    REQUIRE_THROWS_AS(RunRecord::find(path), platform::DamagedRecord);
    REQUIRE(::rmdir(path.c_str()) == 0);
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0); // opening it must not wait for a writer
    REQUIRE_THROWS_AS(RunRecord::find(path), platform::DamagedRecord);
    REQUIRE(::unlink(path.c_str()) == 0);
    sys::replaceVolatileFile(path, "");
    REQUIRE(::truncate(path.c_str(), off_t{1} << 40) == 0);
    REQUIRE_THROWS_AS(RunRecord::find(path), platform::DamagedRecord);
}
