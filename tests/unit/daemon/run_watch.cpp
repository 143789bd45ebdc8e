#include "run_watch.hpp"

#include <filesystem>
#include <vector>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/channel.hpp"

using namespace zoned;
using Names = std::vector<std::string>;

TEST_CASE("a supervisor is noticed when it listens, whoever made its folder, and again after it was away") {
    const test::TestFolder scratch;
    sys::EventLoop loop;
    Names seen;
    const daemon::RunWatch watch(loop, scratch / "", [&](const std::string& name) { seen.push_back(name); });
    const auto settle = [&loop] {
        const auto end = loop.after(std::chrono::milliseconds(5), [&loop] { loop.quit(0); });
        loop.run();
    };
    std::filesystem::create_directory(scratch / "web");
    settle();
    CHECK(seen.empty());
    {
        const auto listener = sys::Channel::listen(scratch / "web/socket");
        settle();
        CHECK(seen == Names{"web"});
    }
    std::filesystem::remove_all(scratch / "web");
    settle();
    // folder and socket before we look
    std::filesystem::create_directory(scratch / "web");
    const auto listener = sys::Channel::listen(scratch / "web/socket");
    settle();
    REQUIRE(seen.size() >= 2);
    CHECK(seen.back() == "web");
    // other files are nothing to us
    const std::size_t before = seen.size();
    std::filesystem::create_directory(scratch / "db");
    settle();
    test::write(scratch / "db/record", "");
    settle();
    CHECK(seen.size() == before);
}
