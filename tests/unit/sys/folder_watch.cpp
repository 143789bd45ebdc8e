#include "sys/folder_watch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <set>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

using namespace zoned;

namespace {

void put(const std::string& path) {
    sys::replaceVolatileFile(path, "text");
}

bool readable(const sys::FolderWatch& watch) {
    pollfd wait{watch.fd(), POLLIN, 0};
    return ::poll(&wait, 1, 0) == 1;
}

} // namespace

TEST_CASE("a watch tells the names that came and went, each to its folder's own") {
    const test::TestFolder folder;
    const std::string first = folder.path() + "/first";
    const std::string second = folder.path() + "/second";
    sys::makeDirectories(first, 0700);
    sys::makeDirectories(second, 0700);
    std::set<std::string> inFirst;
    std::set<std::string> inSecond;
    sys::FolderWatch watch;
    watch.add(first, IN_MOVED_TO | IN_DELETE, [&](const std::string& name) { inFirst.insert(name); });
    watch.add(second, IN_MOVED_TO, [&](const std::string& name) { inSecond.insert(name); });
    CHECK_FALSE(readable(watch));

    put(first + "/web.yaml");
    put(second + "/a-name-of-another-length");
    CHECK(readable(watch));
    CHECK(watch.take());
    CHECK(inFirst == std::set<std::string>{"web.yaml"});
    CHECK(inSecond == std::set<std::string>{"a-name-of-another-length"});
    CHECK_FALSE(readable(watch));

    inFirst.clear();
    REQUIRE(::unlink((first + "/web.yaml").c_str()) == 0);
    REQUIRE(::unlink((second + "/a-name-of-another-length").c_str()) == 0); // not asked for
    CHECK(watch.take());
    CHECK(inFirst == std::set<std::string>{"web.yaml"});
    CHECK(inSecond.size() == 1);
}

TEST_CASE("a watch that was told too much at once says that some of it is lost") {
    const test::TestFolder folder;
    sys::FolderWatch watch;
    watch.add(folder.path(), IN_CREATE | IN_DELETE, [](const std::string&) {});
    const std::string most = sys::readFile("/proc/sys/fs/inotify/max_queued_events").value();
    for (int round = std::stoi(most) / 2 + 1; round > 0; --round) {
        const std::string path = folder.path() + "/" + std::to_string(round);
        REQUIRE(::close(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0);
        REQUIRE(::unlink(path.c_str()) == 0);
    }
    CHECK_FALSE(watch.take());
    CHECK(watch.take());
}

TEST_CASE("a folder that is not there cannot be watched") {
    const test::TestFolder folder;
    sys::FolderWatch watch;
    CHECK_THROWS_AS(watch.add(folder.path() + "/absent", IN_CREATE, [](const std::string&) {}), sys::Error);
}
