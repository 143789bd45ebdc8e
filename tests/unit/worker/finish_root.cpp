#include "finish_root.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/file.hpp"

using namespace zoned;
using namespace zoned::worker;

TEST_CASE("gettys on virtual terminals give way to one on the console") {
    CHECK(withConsoleGetty("id:2:initdefault:\n#1:x:getty tty9\n1:2345:respawn:/sbin/getty 38400 tty1\n"
                           "2:23:respawn:/sbin/getty 38400 tty2\nz6:6:respawn:/sbin/sulogin\n") ==
          "id:2:initdefault:\n#1:x:getty tty9\n"
          "co:2345:respawn:/sbin/getty --noclear --keep-baud console 115200,38400,9600 vt220\n"
          "z6:6:respawn:/sbin/sulogin\n");
    const std::string once = withConsoleGetty("id:2:initdefault:\n");
    CHECK_THAT(once, ContainsSubstring("console"));
    CHECK(withConsoleGetty(once) == once);
}

TEST_CASE("the system's name is read unquoted and without control characters") {
    CHECK(prettyName("NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n") == "Debian GNU/Linux 12");
    CHECK(prettyName("PRETTY_NAME=Plain") == "Plain");
    CHECK(prettyName("PRETTY_NAME=\"a \\\"b\\\"\"") == "a \"b\"");
    CHECK(prettyName("PRETTY_NAME=\"a\x1b[31m\"") == "a?[31m");
    CHECK(prettyName("NAME=x\n").empty());
}

TEST_CASE("an image forgets who it was, but links are left alone") {
    test::TestFolder folder;
    sys::makeDirectories(folder / "etc");
    const sys::UniqueFd root = sys::open(folder.path(), O_RDONLY | O_DIRECTORY);
    forgetIdentity(root.get());
    CHECK_FALSE(test::present(folder / "etc/machine-id"));

    test::write(folder / "etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    test::write(folder / "etc/hostname", "builder\n");
    test::write(folder / "etc/resolv.conf", "nameserver 192.0.2.1\n");
    forgetIdentity(root.get());
    CHECK(test::present(folder / "etc/machine-id"));
    CHECK(test::read(folder / "etc/machine-id").empty());
    CHECK_FALSE(test::present(folder / "etc/hostname"));
    CHECK_FALSE(test::present(folder / "etc/resolv.conf"));

    test::TestFolder outside;
    test::write(outside / "victim", "kept");
    REQUIRE(::symlink((outside / "victim").c_str(), (folder / "etc/hostname").c_str()) == 0);
    forgetIdentity(root.get());
    CHECK(test::present(folder / "etc/hostname"));
    CHECK(test::read(outside / "victim") == "kept");
}

TEST_CASE("os-release is read beneath the image, through links inside it and no others") {
    test::TestFolder folder;
    sys::makeDirectories(folder / "etc");
    sys::makeDirectories(folder / "usr/lib");
    test::write(folder / "usr/lib/os-release", "PRETTY_NAME=Inner\n");
    const sys::UniqueFd root = sys::open(folder.path(), O_RDONLY | O_DIRECTORY);
    CHECK(readOsName(root.get()) == "Inner");
    REQUIRE(::symlink("/usr/lib/os-release", (folder / "etc/os-release").c_str()) == 0);
    CHECK(readOsName(root.get()) == "Inner");

    test::TestFolder outside;
    test::write(outside / "os-release", "PRETTY_NAME=Outer\n");
    REQUIRE(::unlink((folder / "etc/os-release").c_str()) == 0);
    REQUIRE(::symlink((outside / "os-release").c_str(), (folder / "etc/os-release").c_str()) == 0);
    CHECK(readOsName(root.get()) == "Inner");
    REQUIRE(::unlink((folder / "usr/lib/os-release").c_str()) == 0);
    CHECK(readOsName(root.get()).empty());

    REQUIRE(::mkfifo((folder / "usr/lib/os-release").c_str(), 0644) == 0);
    CHECK(readOsName(root.get()).empty());
}
