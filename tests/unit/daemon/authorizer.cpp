#include "authorizer.hpp"

#include <map>
#include <set>

#include "support/catch.hpp"

using namespace zoned::daemon;
using zoned::zone::Admin;
using zoned::zone::Right;

namespace {

constexpr Verb all[]{Verb::list,   Verb::listDetails,      Verb::login,  Verb::exec,  Verb::console, Verb::manage,
                     Verb::config, Verb::configPrivileged, Verb::create, Verb::image, Verb::remove};

constexpr uid_t alice = 1000;
constexpr uid_t bob = 1001;
constexpr gid_t operators = 2000;

/// A host with alice and bob, the group operators that bob is in, and a polkit that remembers what it was asked.
struct World {
    std::vector<Question> asked;
    bool polkitSays = false;
    Authorizer authorizer{
        {[](const std::string& user) -> std::optional<uid_t> {
             const std::map<std::string, uid_t> known{
                 {"alice", alice}, {"bob", bob}, {"1000", alice}, {"nobody-else", 65533}};
             const auto found = known.find(user);
             return found == known.end() ? std::nullopt : std::optional(found->second);
         },
         [](const std::string& group) { return group == "operators" ? std::optional(operators) : std::nullopt; },
         [](const Caller& caller) {
             return caller.uid == bob ? std::vector<gid_t>{100, operators} : std::vector<gid_t>{100};
         },
         [this](const Question& question, const Authorities::Answer& answer) {
             asked.push_back(question);
             answer(polkitSays, "polkit says no");
         },
         [](uid_t uid) { return "number " + std::to_string(uid); }}};

    Decision decide(uid_t uid, Verb verb, const std::vector<Admin>& admins = {}) {
        asked.clear();
        std::optional<Decision> decision;
        authorizer.decide({":1.7", uid, false}, verb, {"zone", "web"}, admins,
                          [&](const Decision& made) { decision = made; });
        REQUIRE(decision);
        return *decision;
    }
};

} // namespace

TEST_CASE("root may everything, and polkit is not asked") {
    World world;
    for (const Verb verb : all) {
        CHECK(world.decide(0, verb).allowed);
        CHECK(world.asked.empty());
    }
}

TEST_CASE("what is public everyone may, and polkit is not asked") {
    World world;
    for (const uid_t uid : {alice, static_cast<uid_t>(-1)}) {
        CHECK(world.decide(uid, Verb::list).allowed);
        CHECK(world.asked.empty());
    }
}

TEST_CASE("a caller whose user is not known may nothing else, whatever polkit would say") {
    World world;
    world.polkitSays = true;
    for (const Verb verb : all) {
        // (uid_t)-1 is what an administrator that does not exist could be taken for
        const Decision decision =
            world.decide(static_cast<uid_t>(-1), verb, {{"4294967295", "", {Right::login, Right::exec}}});
        CHECK(decision.allowed == (verb == Verb::list));
        CHECK(world.asked.empty());
    }
}

TEST_CASE("everything else is polkit's to say") {
    World world;
    std::set<std::string> actions;
    for (const bool says : {true, false}) {
        world.polkitSays = says;
        for (const Verb verb : all) {
            if (verb == Verb::list) {
                continue;
            }
            const Decision decision = world.decide(alice, verb);
            CHECK(decision.allowed == says);
            REQUIRE(world.asked.size() == 1);
            CHECK(world.asked[0].action == actionOf(verb));
            CHECK(world.asked[0].target.kind == "zone");
            CHECK(world.asked[0].target.name == "web");
            CHECK(world.asked[0].caller.name == ":1.7");
            actions.insert(world.asked[0].action);
            if (!says) {
                CHECK(decision.why.find("user number 1000 may not") != std::string::npos);
                CHECK(decision.why.find("zone web") != std::string::npos);
                CHECK(decision.why.find("polkit says no") != std::string::npos);
            }
        }
    }
    CHECK(actions == std::set<std::string>{"org.zoned1.list-details", "org.zoned1.login", "org.zoned1.exec",
                                           "org.zoned1.console", "org.zoned1.manage", "org.zoned1.config",
                                           "org.zoned1.config-privileged", "org.zoned1.create", "org.zoned1.image",
                                           "org.zoned1.delete"});
}

TEST_CASE("a refusal says why it takes that right") {
    World world;
    std::string why;
    world.authorizer.decide({":1.7", alice, false}, Verb::configPrivileged,
                            {"zone", "web", "for its definition's key admins"}, {},
                            [&](const Decision& made) { why = made.why; });
    CHECK(why ==
          "permission denied: user number 1000 may not define or change a zone that is reserved to those trusted "
          "with the host (zone web, for its definition's key admins): polkit says no");
}

TEST_CASE("an administrator of the zone may what the definition lists, read it, and nothing else") {
    const std::map<Right, Verb> verbs{{Right::login, Verb::login},
                                      {Right::exec, Verb::exec},
                                      {Right::console, Verb::console},
                                      {Right::manage, Verb::manage}};
    World world;
    for (const auto& [right, itsVerb] : verbs) {
        for (const Verb verb : all) {
            const bool allowed = verb == Verb::list || verb == Verb::listDetails || verb == itsVerb;
            for (const Admin& admin : {Admin{"alice", "", {right}}, Admin{"1000", "", {right}}}) {
                CHECK(world.decide(alice, verb, {admin}).allowed == allowed);
                CHECK(world.asked.size() == (allowed ? 0 : 1));
                CHECK(world.decide(bob, verb, {admin}).allowed == (verb == Verb::list));
            }
            const Admin group{"", "operators", {right}};
            CHECK(world.decide(bob, verb, {group}).allowed == allowed);
            CHECK(world.decide(alice, verb, {group}).allowed == (verb == Verb::list));
        }
    }
}

TEST_CASE("rights of several entries add up, and those who do not exist have none") {
    World world;
    const std::vector<Admin> admins{{"mallory", "", {Right::login, Right::manage}},
                                    {"", "nothing", {Right::exec}},
                                    {"bob", "", {Right::console}},
                                    {"", "operators", {Right::manage}}};
    CHECK(world.decide(bob, Verb::console, admins).allowed);
    CHECK(world.decide(bob, Verb::manage, admins).allowed);
    CHECK_FALSE(world.decide(bob, Verb::login, admins).allowed);
    CHECK_FALSE(world.decide(bob, Verb::exec, admins).allowed);
    CHECK_FALSE(world.decide(alice, Verb::login, admins).allowed);
}
