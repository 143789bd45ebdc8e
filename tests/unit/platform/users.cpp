#include "platform/users.hpp"

#include <fcntl.h>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

using namespace zoned;
using platform::findUser;

namespace {

struct Tree {
    test::TestFolder folder;
    sys::UniqueFd root;

    explicit Tree(const std::string& passwd, const std::string& group = "") {
        sys::makeDirectories(folder.path() + "/etc");
        sys::replaceVolatileFile(folder.path() + "/etc/passwd", passwd);
        sys::replaceVolatileFile(folder.path() + "/etc/group", group);
        root = sys::openDirectory(folder.path());
    }
};

} // namespace

TEST_CASE("a user is found by name and by number, with groups") {
    const Tree tree("root:x:0:0::/root:/bin/bash\nalice:x:1000:1000:Alice:/home/alice:/bin/zsh\n",
                    "adm:x:4:alice,bob\nalice:x:1000:\nsudo:x:27:bob,alice\n");
    for (const char* who : {"alice", "1000"}) {
        const platform::User user = findUser(tree.root.get(), who);
        REQUIRE(user.name == "alice");
        REQUIRE(user.uid == 1000);
        REQUIRE(user.gid == 1000);
        REQUIRE(user.home == "/home/alice");
        REQUIRE(user.shell == "/bin/zsh");
        REQUIRE(user.groups == std::vector<gid_t>{4, 27});
    }
}

TEST_CASE("numbers without an entry are taken as they are, within the zone's ids") {
    const Tree tree("");
    REQUIRE(findUser(tree.root.get(), "1234").gid == 1234);
    REQUIRE(findUser(tree.root.get(), "1234:50").gid == 50);
    for (const char* who : {"65536", "4294967295", "4294967296", "-1", "1:2:3", "1:", ":", "0x1"}) {
        INFO(who);
        REQUIRE_THROWS_AS(findUser(tree.root.get(), who), sys::Error);
    }
}

TEST_CASE("an entry whose ids overflow never becomes root") {
    for (const char* ids : {"4294967295:0", "4294967296:0", "-1:0", "65536:0", ":0", "x:0", "0x0:0", " 0:0"}) {
        INFO(ids);
        const Tree tree("eve:x:" + std::string(ids) + "::/:/bin/sh\n");
        REQUIRE_THROWS_AS(findUser(tree.root.get(), "eve"), sys::Error);
    }
}

TEST_CASE("root can enter a zone whose passwd is missing, empty or nonsense") {
    for (const char* passwd : {"", "\n\n:::\n", "nonsense", "::0:0::::\n"}) {
        const Tree tree(passwd);
        REQUIRE(findUser(tree.root.get(), "root").uid == 0);
        REQUIRE_THROWS_AS(findUser(tree.root.get(), "alice"), sys::Error);
    }
}

TEST_CASE("root is 0 whatever the zone's files say") {
    const Tree tree("root:x:1000:1000::/home/eve:/bin/false\n0:x:1000:1000::/home/eve:/bin/false\n");
    for (const char* who : {"root", "0", "0:0"}) {
        const platform::User user = findUser(tree.root.get(), who);
        REQUIRE(user.uid == 0);
        REQUIRE(user.gid == 0);
        REQUIRE(user.home != "/home/eve");
    }
    const Tree usual("root:x:0:0::/home/admin:/bin/zsh\n");
    REQUIRE(findUser(usual.root.get(), "root").shell == "/bin/zsh");
    REQUIRE(findUser(usual.root.get(), "0").home == "/home/admin");
}

TEST_CASE("a passwd file of a hundred megabytes is refused, not read, and keeps root out of nothing") {
    const Tree tree("");
    const sys::UniqueFd file = sys::open(tree.folder.path() + "/etc/passwd", O_WRONLY);
    REQUIRE(::ftruncate(file.get(), 100 << 20) == 0);
    REQUIRE_THROWS_AS(findUser(tree.root.get(), "alice"), sys::Error);
    REQUIRE(findUser(tree.root.get(), "root").shell == "/bin/sh");
}

TEST_CASE("a passwd that is a link out of the tree is not followed") {
    const Tree tree("");
    REQUIRE(::unlink((tree.folder.path() + "/etc/passwd").c_str()) == 0);
    REQUIRE(::symlink("/etc/passwd", (tree.folder.path() + "/etc/passwd").c_str()) == 0);
    // in the tree the link leads to itself
    REQUIRE_THROWS_AS(findUser(tree.root.get(), "daemon"), sys::Error);
}
