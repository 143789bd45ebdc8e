#include "posix_acl.hpp"

#include <linux/posix_acl.h>

#include "support/catch.hpp"

using namespace zoned::worker;

namespace {

Acl wholeAcl() {
    return {{ACL_USER_OBJ, 6, -1, ""},
            {ACL_USER, 4, 1000, ""},
            {ACL_GROUP_OBJ, 7, -1, ""},
            {ACL_MASK, 4, -1, ""},
            {ACL_OTHER, 0, -1, ""}};
}

} // namespace

TEST_CASE("a list comes back from its bytes as it went into them, in the kernel's order") {
    CHECK(decodeAcl(encodeAcl(wholeAcl())) == wholeAcl());
    Acl shuffled = wholeAcl();
    std::swap(shuffled.front(), shuffled.back());
    CHECK(decodeAcl(encodeAcl(shuffled)) == wholeAcl());
    CHECK(encodeAcl(wholeAcl()).size() == 4 + 5 * 8);
    const std::string bytes = encodeAcl(wholeAcl());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CHECK((size % 8 == 4 || decodeAcl(bytes.substr(0, size)).empty()));
    }
    CHECK(decodeAcl("\x03" + bytes.substr(1)).empty());
}

TEST_CASE("what the kernel or a zone would not take is told") {
    CHECK(aclProblem(wholeAcl()).empty());
    for (std::size_t without = 0; without < 5; ++without) {
        Acl acl = wholeAcl();
        acl.erase(acl.begin() + static_cast<std::ptrdiff_t>(without));
        CHECK(aclProblem(acl).empty() == (without == 1)); // the named user may be missing, no other
    }
    Acl acl = wholeAcl();
    acl[1].id = 65536;
    CHECK_THAT(aclProblem(acl), ContainsSubstring("65536"));
    acl[1] = {ACL_USER, 4, -1, "bob"};
    CHECK(aclProblem(acl).empty());
    CHECK(hasNames(acl));
    acl = wholeAcl();
    acl[0].perm = 8;
    CHECK_FALSE(aclProblem(acl).empty());
    acl = wholeAcl();
    acl.insert(acl.end(), maxAclEntries, AclEntry{ACL_USER, 4, 1, ""});
    CHECK_THAT(aclProblem(acl), ContainsSubstring("more than"));
}

TEST_CASE("without the list the group has what the list left it") {
    CHECK(withoutMask(0640, {}) == 0640);
    CHECK(withoutMask(02670, wholeAcl()) == 02640);
    Acl acl = wholeAcl();
    acl[2].perm = 0;
    CHECK(withoutMask(0660, acl) == 0600);
}

TEST_CASE("names are looked up in the image's own accounts") {
    const char* accounts = "root:x:0:0::/:/bin/sh\nbobby:x:7:7\nbob:x:8:8:Bob\nbig:x:70000:0\nbad:x:8x:0\ncut:x\n";
    CHECK(idsOf(accounts) == Ids{{"root", 0}, {"bobby", 7}, {"bob", 8}});
    CHECK(idsOf("").empty());
    CHECK(idsOf("::\n:\n:x:5:\nx").empty());
    CHECK(idsOf("a:x:1\na:x:2\n") == Ids{{"a", 1}});
}
