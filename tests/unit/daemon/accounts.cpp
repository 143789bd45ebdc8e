#include "accounts.hpp"

#include "support/catch.hpp"

using namespace zoned::daemon;

TEST_CASE("users and groups are found by name and by number") {
    CHECK(findUser("root") == 0U);
    CHECK(findUser("0") == 0U);
    CHECK(findUser("daemon") == 1U);
    CHECK(findUser("1") == 1U);
    CHECK(findGroup("root") == 0U);
    CHECK(findGroup("1") == 1U);
}

TEST_CASE("who does not exist is not found, and nobody is taken for a number that is none") {
    for (const char* name : {"no-such-one", "", "4294967295", "4294967296", "-1", "1000000007", "0x0", "1 ", " 1"}) {
        CAPTURE(name);
        CHECK_FALSE(findUser(name));
        CHECK_FALSE(findGroup(name));
    }
}

TEST_CASE("a user is told by name and number, and one who does not exist by the number") {
    CHECK(describeUser(0) == "root (0)");
    CHECK(describeUser(1) == "daemon (1)");
    CHECK(describeUser(1000000007) == "1000000007");
}

TEST_CASE("what is remembered is the same") {
    Accounts accounts;
    for (int i = 0; i < 2; ++i) {
        CHECK(accounts.user("root") == 0U);
        CHECK(accounts.group("root") == 0U);
        CHECK_FALSE(accounts.user("no-such-one"));
        CHECK_FALSE(accounts.group("no-such-one"));
    }
}
