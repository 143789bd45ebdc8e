#include "oom_watch.hpp"

#include <vector>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

using namespace zoned;
using namespace std::chrono_literals;

namespace {

/// A cgroup's file, as far as a folder can stand for it: written in place, as the kernel's changes are told.
class Cgroup {
public:
    Cgroup() { write(0, 0); }
    [[nodiscard]] const std::string& path() const { return folder_.path(); }
    void write(int max, int killed) const {
        const sys::UniqueFd file = sys::open(folder_.path() + "/memory.events", O_WRONLY | O_CREAT | O_TRUNC);
        sys::writeAll(file.get(), sys::join("low 0\nmax ", max, "\noom_kill ", killed, "\n"), "the events");
    }

private:
    test::TestFolder folder_;
};

struct Heard {
    std::string zone;
    std::uint64_t killed, total;
    bool operator==(const Heard&) const = default;
};

struct Watching {
    sys::EventLoop loop;
    std::vector<Heard> heard;
    daemon::OomWatch watch{loop, [this](const zone::ZoneName& name, std::uint64_t killed, std::uint64_t total) {
                               heard.push_back({name.str(), killed, total});
                               loop.quit();
                           }};
    /// Until something is told, or for the time.
    void run(std::chrono::milliseconds most) {
        const auto end = loop.after(most, [this] { loop.quit(); });
        loop.run();
    }
};

const zone::ZoneName web("web");

} // namespace

TEST_CASE("processes killed for want of memory are told, those of before are not", "[oom]") {
    const Cgroup cgroup;
    cgroup.write(1, 2);
    Watching watching;
    watching.watch.follow(web, 42, cgroup.path());
    cgroup.write(2, 3);
    watching.run(5s);
    REQUIRE(watching.heard == std::vector<Heard>{{"web", 1, 3}});
    // also what comes after the first time
    cgroup.write(3, 7);
    watching.run(5s);
    REQUIRE(watching.heard.back() == Heard{"web", 4, 7});
}

TEST_CASE("a zone that only meets its limit is not told of, and one that is down is not looked at", "[oom]") {
    const Cgroup cgroup;
    Watching watching;
    watching.watch.follow(web, 42, cgroup.path());
    cgroup.write(1000, 0);
    watching.run(250ms);
    watching.watch.follow(web, 0, "");
    cgroup.write(1000, 1);
    watching.run(250ms);
    CHECK(watching.heard.empty());
}

TEST_CASE("each boot begins at nothing, also where the cgroup has the same name", "[oom]") {
    const Cgroup cgroup;
    cgroup.write(0, 5);
    Watching watching;
    watching.watch.follow(web, 42, cgroup.path());
    cgroup.write(0, 0);
    watching.watch.follow(web, 43, cgroup.path());
    cgroup.write(0, 1);
    watching.run(5s);
    CHECK(watching.heard == std::vector<Heard>{{"web", 1, 1}});
}

TEST_CASE("a host without the controller is no fault", "[oom]") {
    const test::TestFolder folder;
    Watching watching;
    watching.watch.follow(web, 42, folder.path());
    watching.watch.follow(web, 0, "");
    CHECK(watching.heard.empty());
}
