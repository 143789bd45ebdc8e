#include "zone/admin.hpp"

#include <algorithm>

#include "support/catch.hpp"
#include "zone/validate.hpp"

using namespace zoned::zone;

namespace {

std::vector<Finding> findings(const std::vector<Admin>& admins, const std::vector<std::string>& missingUsers = {},
                              const std::vector<std::string>& missingGroups = {}) {
    Definition definition;
    definition.zone = "web";
    definition.image = "bookworm";
    definition.admins = admins;
    Surroundings around;
    around.subnet = *parseIpv4Network("10.213.0.1/16");
    around.images = {"bookworm"};
    around.missingUsers = missingUsers;
    around.missingGroups = missingGroups;
    return validate(definition, around);
}

} // namespace

TEST_CASE("rights have names, and nothing else is one", "[admin]") {
    for (const std::string& name : rightNames()) {
        const auto right = parseRight(name);
        REQUIRE(right);
        CHECK(rightName(*right) == name);
    }
    CHECK(rightNames() == std::vector<std::string>{"login", "exec", "console", "manage"});
    for (const char* none : {"", "config", "delete", "Login", "login ", "create", "config-privileged"}) {
        CHECK_FALSE(parseRight(none));
    }
}

TEST_CASE("numbers of accounts are numbers, and not the one that stands for none", "[admin]") {
    CHECK(accountNumber("0") == 0U);
    CHECK(accountNumber("4294967294") == 4294967294U);
    for (const char* none : {"", "alice", "4294967295", "4294967296", "-1", "+1", "1a", " 1", "0x1"}) {
        CAPTURE(none);
        CHECK_FALSE(accountNumber(none));
    }
}

TEST_CASE("an administrator is one user or one group who may something", "[admin]") {
    CHECK(
        findings({{"alice", "", {Right::login}}, {"", "alice", {Right::login}}, {"1000", "", {Right::exec}}}).empty());
    const std::vector<std::pair<std::vector<Admin>, std::string>> bad{
        {{{"alice", "web", {Right::login}}}, "admins[0]"},
        {{{"", "", {Right::login}}}, "admins[0]"},
        {{{"alice", "", {}}}, "admins[0].may"},
        {{{"alice", "", {Right::login, Right::login}}}, "admins[0].may"},
        {{{"alice", "", {Right::login}}, {"alice", "", {Right::exec}}}, "admins[1]"},
        {{{"a b", "", {Right::login}}}, "admins[0].user"},
        {{{"", "a:b", {Right::login}}}, "admins[0].group"},
        {{{"a\nb", "", {Right::login}}}, "admins[0].user"},
        {{{std::string(257, 'a'), "", {Right::login}}}, "admins[0].user"},
        {std::vector<Admin>(65, Admin{"alice", "", {Right::login}}), "admins"},
    };
    for (const auto& [admins, key] : bad) {
        const auto found = findings(admins);
        CAPTURE(key);
        CHECK(std::any_of(found.begin(), found.end(), [&](const Finding& finding) { return finding.key == key; }));
    }
}

TEST_CASE("who does not exist is named with his key", "[admin]") {
    const auto found = findings(
        {{"alice", "", {Right::login}}, {"bob", "", {Right::login}}, {"", "web", {Right::exec}}}, {"bob"}, {"web"});
    REQUIRE(found.size() == 2);
    CHECK(found[0].key == "admins[1].user");
    CHECK(found[0].text.find("bob") != std::string::npos);
    CHECK(found[1].key == "admins[2].group");
}

TEST_CASE("privileges on the host are a root zone, its folders, units and bridges, and administrators", "[admin]") {
    Definition definition;
    CHECK_FALSE(givesPrivilege(definition));
    definition.admins = {{"alice", "", {Right::login}}};
    CHECK(givesPrivilege(definition));
    definition = {};
    definition.mounts = {{"/srv", "/srv", true}};
    CHECK(givesPrivilege(definition));
    definition = {};
    definition.privileged = true;
    CHECK(givesPrivilege(definition));
    definition = {};
    definition.hostRequires = {"network-online.target"};
    CHECK(givesPrivilege(definition));
    definition = {};
    definition.network = {Nic{}, Nic{.name = "eth1", .bridge = "br0", .address = {}, .gateway = {}}};
    CHECK(givesPrivilege(definition));
    definition.network[1].bridge.reset();
    CHECK_FALSE(givesPrivilege(definition));
}

TEST_CASE("a key that gives privileges is known by its path", "[admin]") {
    for (const char* key : {"privileged", "mounts", "mounts[0].source", "admins[1].may", "host-requires",
                            "host-requires[0]", "network[0].bridge"}) {
        CHECK(keyGivesPrivilege(key));
    }
    for (const char* key : {"network", "network[0]", "network[0].address", "resources.memory", "requires", "bridge"}) {
        CHECK_FALSE(keyGivesPrivilege(key));
    }
}
