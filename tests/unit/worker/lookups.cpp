#include "lookups.hpp"

#include "support/catch.hpp"
#include "support/test_folder.hpp"

using namespace zoned::worker;
using Found = std::map<std::string, std::int64_t>;

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

TEST_CASE("those accounts are told that there are") {
    CHECK(findAccounts({"user:daemon", "group:root", "user:no-such-one", "daemon", "group:"}) ==
          Found{{"user:daemon", 1}, {"group:root", 0}});
}

TEST_CASE("those paths are told that there are") {
    const zoned::test::TestFolder folder;
    CHECK(findPaths({folder.path(), folder.path() + "/none", folder.path() + "/none/x"}) == Found{{folder.path(), 1}});
}
