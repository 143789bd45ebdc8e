#include "entry_path.hpp"

#include "failure.hpp"
#include "support/catch.hpp"

using namespace zoned::worker;

TEST_CASE("names of an archive lose their leading dots and double slashes") {
    CHECK(parseEntryPath("./etc/passwd").full() == "etc/passwd");
    CHECK(parseEntryPath("etc//passwd").full() == "etc/passwd");
    CHECK(parseEntryPath("usr/bin/").parent == "usr");
    CHECK(parseEntryPath("usr/bin/").name == "bin");
    CHECK(parseEntryPath("a/./b").full() == "a/b");
    CHECK(parseEntryPath("..data").full() == "..data");
    CHECK(parseEntryPath(std::string(255, 'n')).name.size() == 255);
}

TEST_CASE("the root is an entry without a name") {
    for (const char* root : {".", "./", "./."}) {
        CHECK(parseEntryPath(root).isRoot());
    }
}

TEST_CASE("names that climb, are absolute, or longer than a file system takes, are refused") {
    for (const std::string& name :
         {std::string(".."), std::string("../x"), std::string("a/../b"), std::string("/.."), std::string("a/.."),
          std::string("/etc/passwd"), std::string("/"), std::string(), std::string(256, 'n'), std::string(4096, '/')}) {
        CHECK_THROWS_AS(parseEntryPath(name), Failure);
    }
}

TEST_CASE("a refusal shows no control characters") {
    try {
        (void)parseEntryPath("../\x1b[2J\n\x7f\xc2\x9b");
        FAIL("was accepted");
    } catch (const Failure& failure) {
        CHECK(failure.kind() == FailureKind::badArchive);
        CHECK(std::string(failure.what()) == "the archive's entry '../?[2J?\?\?' climbs up with '..'");
    }
}

TEST_CASE("shown text is cut between characters") {
    CHECK(printable("abcdef", 3) == "abc...");
    CHECK(printable("ab\xc3\xa4", 10) == "ab\xc3\xa4");
    CHECK(printable("ab\xc3\xa4x", 3) == "ab...");
    CHECK(printable("exe\u202etxt\u200e\x1b", 20) == "exe?txt??");
}
