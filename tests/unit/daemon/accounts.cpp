#include "accounts.hpp"

#include "support/catch.hpp"
#include "zone/fault.hpp"

using namespace zoned;
using daemon::Accounts;
using daemon::describeUser;
using zone::Admin;

namespace {

const Admin alice{"alice", "", {}};
const Admin bob{"bob", "", {}};
const Admin friends{"", "friends", {}};

/// A host whose accounts are told when the test says so.
struct Directory {
    std::vector<std::vector<std::string>> asked;
    std::vector<std::function<void(const Accounts::Found&)>> waiting;
    Accounts accounts{[this](const std::vector<std::string>& about, std::function<void(const Accounts::Found&)> then) {
        asked.push_back(about);
        waiting.push_back(std::move(then));
    }};

    void answer(const Accounts::Found& found) {
        const auto then = waiting.back();
        waiting.pop_back();
        then(found);
    }
};

} // namespace

TEST_CASE("a user is told by name and number, and one who does not exist by the number") {
    CHECK(describeUser(0) == "root (0)");
    CHECK(describeUser(1) == "daemon (1)");
    CHECK(describeUser(1000000007) == "1000000007");
}

TEST_CASE("administrators are asked about once, and known then") {
    Directory host;
    int calls = 0;
    host.accounts.learn({alice, friends, bob}, [&] { ++calls; });
    CHECK(calls == 0);
    CHECK_FALSE(host.accounts.user("alice"));
    CHECK_THROWS_AS(host.accounts.missing({alice}), zone::Fault);
    host.answer(std::map<std::string, std::int64_t>{{"user:alice", 1000}, {"group:friends", 60}});
    CHECK(calls == 1);
    CHECK(host.accounts.user("alice") == 1000U);
    CHECK(host.accounts.group("friends") == 60U);
    CHECK_FALSE(host.accounts.user("bob"));
    CHECK_FALSE(host.accounts.user("friends"));
    host.accounts.learn({bob, alice}, [&] { ++calls; });
    CHECK(calls == 2);
    CHECK(host.asked.size() == 1);
    const auto missing = host.accounts.missing({alice, bob, friends});
    CHECK(missing.users == std::vector<std::string>{"bob"});
    CHECK(missing.groups.empty());
}

TEST_CASE("who asks for the same while it is being asked waits for the same answer") {
    Directory host;
    int calls = 0;
    host.accounts.learn({alice}, [&] { ++calls; });
    host.accounts.learn({alice}, [&] { ++calls; });
    CHECK(host.asked.size() == 1);
    host.answer(std::map<std::string, std::int64_t>{});
    CHECK(calls == 2);
}

TEST_CASE("a directory that does not answer makes nobody an administrator, and is not asked by every call") {
    Directory host;
    int calls = 0;
    host.accounts.learn({alice}, [&] { ++calls; });
    host.answer(std::nullopt);
    CHECK(calls == 1);
    CHECK_FALSE(host.accounts.user("alice"));
    CHECK_THROWS_AS(host.accounts.missing({alice}), zone::Fault);
    host.accounts.learn({alice}, [&] { ++calls; });
    CHECK(calls == 2);
    CHECK(host.asked.size() == 1);
}

TEST_CASE("without administrators nothing is asked") {
    Directory host;
    bool called = false;
    host.accounts.learn({}, [&] { called = true; });
    CHECK(called);
    CHECK(host.asked.empty());
}
