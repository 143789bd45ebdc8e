#include "platform/plan.hpp"

#include <algorithm>
#include <set>

#include "platform_examples.hpp"
#include "support/catch.hpp"

using namespace zoned;

namespace {

std::vector<std::string> names(const std::vector<platform::Step>& steps) {
    std::vector<std::string> result;
    for (const platform::Step& step : steps) {
        result.push_back(step.name);
    }
    return result;
}

} // namespace

TEST_CASE("the plan lists every step of a boot in order") {
    REQUIRE(names(platform::plan(test::fullSpec())) ==
            std::vector<std::string>{"cgroup", "mount:/var/www", "mount:/data", "process", "root", "devices",
                                     "hand-over", "network:eth0", "network:eth1", "file-systems", "init"});
}

TEST_CASE("step names are unique, so that the record can name them") {
    const auto all = names(platform::plan(test::fullSpec()));
    REQUIRE(std::set<std::string>(all.begin(), all.end()).size() == all.size());
}

TEST_CASE("every step says what it does and does something") {
    for (const platform::Step& step : platform::plan(test::fullSpec())) {
        REQUIRE_FALSE(step.purpose.empty());
        REQUIRE(step.up);
    }
}

TEST_CASE("a privileged zone's plan says that it is not root-safe") {
    platform::BootSpec spec = test::fullSpec();
    spec.privileged = true;
    const auto steps = platform::plan(spec);
    REQUIRE(std::any_of(steps.begin(), steps.end(), [](const platform::Step& step) {
        return step.purpose.find("not root-safe") != std::string::npos;
    }));
}

TEST_CASE("the down of every step copes with a step that never happened") {
    platform::BootSpec spec = test::fullSpec();
    spec.nftTable = "zoned-test-absent";
    const platform::Remains never{spec, "/sys/fs/cgroup/zoned-test-absent/web"};
    for (const platform::Step& step : platform::plan(spec)) {
        if (step.down) {
            INFO(step.name);
            REQUIRE_NOTHROW(step.down(never));
            REQUIRE_NOTHROW(step.down(never));
        }
    }
}
