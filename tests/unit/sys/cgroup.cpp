#include "sys/cgroup.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/mount_table.hpp"
#include "sys/process.hpp"

using namespace zoned;
using namespace std::chrono_literals;

namespace {

/// A cgroup of the test's own, gone at its end.
struct TestCgroup {
    std::string path = sys::cgroup2Mount() + sys::join("/zoned-unit-", ::getpid());
    TestCgroup() { sys::makeCgroup(path); }
    TestCgroup(const TestCgroup&) = delete;
    TestCgroup& operator=(const TestCgroup&) = delete;
    ~TestCgroup() {
        try {
            sys::killCgroup(path);
            (void)sys::waitUntilEmpty(path, 5s);
            sys::removeCgroupTree(path);
        } catch (const std::exception&) {
            // the leak shows in the next run's mkdir
        }
    }
};

sys::Child sleeperIn(const std::string& cgroup) {
    const sys::UniqueFd folder = sys::openDirectory(cgroup);
    return sys::cloneProcess({.flags = 0, .cgroup = folder.get()}, [] { return ::pause(); });
}

} // namespace

TEST_CASE("a tree of cgroups is removed, however deep, and an absent one is fine") {
    const TestCgroup top;
    std::string path = top.path;
    for (int depth = 0; depth < 30; ++depth) {
        path += "/" + std::string(200, 'd');
        if (path.size() < 4000) {
            sys::makeCgroup(path);
        }
    }
    sys::removeCgroupTree(top.path);
    REQUIRE_FALSE(sys::exists(top.path));
    REQUIRE_NOTHROW(sys::removeCgroupTree(top.path));
}

TEST_CASE("killing a cgroup ends what is in it and below, and it is seen to be empty then") {
    const TestCgroup top;
    sys::makeCgroup(top.path + "/below");
    const sys::Child here = sleeperIn(top.path);
    const sys::Child below = sleeperIn(top.path + "/below");
    REQUIRE_FALSE(sys::waitUntilEmpty(top.path, 0ms));
    sys::killCgroup(top.path);
    REQUIRE(WTERMSIG(sys::waitForChild(here.pid)) == SIGKILL);
    REQUIRE(WTERMSIG(sys::waitForChild(below.pid)) == SIGKILL);
    REQUIRE(sys::waitUntilEmpty(top.path, 5s));
}

TEST_CASE("killing and waiting for an absent cgroup is fine") {
    REQUIRE_NOTHROW(sys::killCgroup("/sys/fs/cgroup/zoned-absent"));
    REQUIRE(sys::waitUntilEmpty("/sys/fs/cgroup/zoned-absent", 0ms));
}

TEST_CASE("a cgroup with a process in it is not removed, and the error names it") {
    const TestCgroup top;
    const sys::Child child = sleeperIn(top.path);
    REQUIRE_THROWS_WITH(sys::removeCgroupTree(top.path), ContainsSubstring(top.path));
    sys::killCgroup(top.path);
    sys::waitForChild(child.pid);
}

TEST_CASE("delegation gives the folder and the governing files, not the limits") {
    const TestCgroup top;
    sys::delegateCgroup(top.path, 4242, 4242);
    struct stat info {};
    REQUIRE(::stat(top.path.c_str(), &info) == 0);
    REQUIRE(info.st_uid == 4242);
    REQUIRE(::stat((top.path + "/cgroup.procs").c_str(), &info) == 0);
    REQUIRE(info.st_uid == 4242);
    REQUIRE(::stat((top.path + "/cgroup.max.depth").c_str(), &info) == 0);
    REQUIRE(info.st_uid == 0);
}

TEST_CASE("the root of the hierarchy is found from any folder in it") {
    const TestCgroup top;
    sys::makeCgroup(top.path + "/below");
    REQUIRE(sys::hierarchyRoot(top.path + "/below") == sys::cgroup2Mount());
    REQUIRE(sys::ownCgroup().rfind(sys::cgroup2Mount(), 0) == 0);
}

TEST_CASE("controllers that the kernel does not offer are passed over") {
    const TestCgroup top;
    REQUIRE_NOTHROW(sys::enableControllers(top.path, {"nosuchcontroller"}));
}

TEST_CASE("a controller is enabled beside one whose name begins alike") {
    // plain files: what is written stays to be read
    const test::TestFolder folder;
    const std::string file = folder.path() + "/cgroup.subtree_control";
    sys::replaceVolatileFile(folder.path() + "/cgroup.controllers", "cpuset cpu io memory pids\n");
    sys::replaceVolatileFile(file, "cpuset memory\n");
    sys::enableControllers(folder.path(), {"cpuset", "memory"});
    REQUIRE(sys::readFile(file) == "cpuset memory\n");
    sys::enableControllers(folder.path(), {"cpu", "cpuset"});
    REQUIRE(sys::readFile(file)->starts_with("+cpu"));
    REQUIRE_FALSE(sys::readFile(file)->starts_with("+cpus"));
}
