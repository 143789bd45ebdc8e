#include "zone/diff.hpp"

#include <algorithm>

#include "support/catch.hpp"

using namespace zoned::zone;

TEST_CASE("every key of the schema is told apart, but for what is inside lists and maps", "[diff]") {
    std::vector<std::string_view> wanted;
    for (const Key& key : schema()) {
        const bool inside = key.path.find_first_of("[*") != std::string_view::npos;
        if (!inside && key.path != "resources") {
            wanted.push_back(key.path);
        }
    }
    CHECK(diffKeys() == wanted);
}

TEST_CASE("a definition does not differ from itself", "[diff]") {
    Definition web;
    web.resources.memory = 1 << 30;
    web.resources.io = {{"disk", 1024, {}, {}, {}}};
    CHECK(diff(web, web).empty());
}

TEST_CASE("what differs is told with when it has its effect", "[diff]") {
    Definition before;
    before.zone = "web";
    before.image = "bookworm";
    before.resources.memory = 1 << 30;
    Definition after = before;
    after.description = "shop";
    after.image = "trixie";
    after.dns = {"9.9.9.9"};
    after.group = "customers";
    after.resources.memory.reset();
    after.resources.io = {{"disk", {}, 4096, {}, {}}};
    CHECK(diff(before, after) == std::vector<Change>{{"description", Effect::atOnce},
                                                     {"image", Effect::atInstall},
                                                     {"dns", Effect::atBoot},
                                                     {"group", Effect::atBoot},
                                                     {"resources.memory", Effect::live},
                                                     {"resources.io", Effect::live}});
    CHECK(diff(before, after).size() == diff(after, before).size());
}
