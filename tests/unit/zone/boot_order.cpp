#include "zone/boot_order.hpp"

#include "support/catch.hpp"

using namespace zoned::zone;

TEST_CASE("a way between zones is found along what they wait for, the shortest one", "[boot_order]") {
    const Waits waits{{"a", {"b", "c"}}, {"b", {"d"}}, {"c", {"e"}}, {"d", {"e"}}, {"e", {"a"}}};
    CHECK(wayBetween("a", "e", waits) == std::vector<std::string>{"a", "c", "e"});
    CHECK(wayBetween("e", "d", waits) == std::vector<std::string>{"e", "a", "b", "d"});
    CHECK(wayBetween("a", "a", waits) == std::vector<std::string>{"a"});
    CHECK(wayBetween("a", "nowhere", waits).empty());
    CHECK(wayBetween("nowhere", "a", waits).empty());
}

TEST_CASE("zones are started in groups, each after those that it waits for", "[boot_order]") {
    using Groups = std::vector<std::vector<std::string>>;
    const Waits waits{{"web", {"app", "cache"}}, {"app", {"db"}}, {"mail", {"elsewhere"}}};
    CHECK(bootGroups({"web", "app", "db", "mail"}, waits) == Groups{{"db", "mail"}, {"app"}, {"web"}});
    CHECK(bootGroups({"web", "mail"}, waits) == Groups{{"web", "mail"}});
    CHECK(bootGroups({}, waits).empty());
    CHECK(bootGroups({"a", "b", "c", "d"}, {{"a", {"b"}}, {"b", {"a"}}, {"c", {"a"}}, {"d", {"d"}}}) ==
          Groups{{"d"}, {"a", "b", "c"}});
}

TEST_CASE("names of units that can be waited for are told from others", "[boot_order]") {
    for (const std::string good :
         {"network-online.target", "mnt-data.mount", "dev-disk-by\\x2dlabel.device", "openvpn@a_b:c.service"}) {
        CAPTURE(good);
        CHECK_FALSE(unitNameProblem(good));
    }
    for (const std::string& bad :
         {std::string("network-online"), std::string(".target"), std::string("a b.target"), std::string("a/b.mount"),
          std::string("x.scope"), std::string("a.target\n"), std::string(), std::string(250, 'a') + ".target"}) {
        CAPTURE(bad);
        CHECK(unitNameProblem(bad));
    }
}
