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
    (void)forgetIdentity(root.get());
    CHECK_FALSE(test::present(folder / "etc/machine-id"));

    test::write(folder / "etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    test::write(folder / "etc/hostname", "builder\n");
    test::write(folder / "etc/resolv.conf", "nameserver 192.0.2.1\n");
    (void)forgetIdentity(root.get());
    CHECK(test::present(folder / "etc/machine-id"));
    CHECK(test::read(folder / "etc/machine-id").empty());
    CHECK_FALSE(test::present(folder / "etc/hostname"));
    CHECK_FALSE(test::present(folder / "etc/resolv.conf"));

    test::TestFolder outside;
    test::write(outside / "victim", "kept");
    REQUIRE(::symlink((outside / "victim").c_str(), (folder / "etc/hostname").c_str()) == 0);
    (void)forgetIdentity(root.get());
    CHECK(test::present(folder / "etc/hostname"));
    CHECK(test::read(outside / "victim") == "kept");
}

TEST_CASE("a time zone that nobody chose is forgotten, another is kept") {
    test::TestFolder folder;
    sys::makeDirectories(folder / "etc");
    const sys::UniqueFd root = sys::open(folder.path(), O_RDONLY | O_DIRECTORY);
    forgetDefaultTimeZone(root.get());
    test::write(folder / "etc/timezone", "Etc/UTC\n");
    REQUIRE(::symlink("/usr/share/zoneinfo/Etc/UTC", (folder / "etc/localtime").c_str()) == 0);
    forgetDefaultTimeZone(root.get());
    CHECK_FALSE(test::present(folder / "etc/localtime"));
    CHECK_FALSE(test::present(folder / "etc/timezone"));

    test::write(folder / "etc/timezone", "Asia/Tokyo\n");
    REQUIRE(::symlink("/usr/share/zoneinfo/Asia/Tokyo", (folder / "etc/localtime").c_str()) == 0);
    forgetDefaultTimeZone(root.get());
    CHECK(sys::readLinkBeneath(root.get(), "etc/localtime") == "/usr/share/zoneinfo/Asia/Tokyo");
    CHECK(test::present(folder / "etc/timezone"));
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

TEST_CASE("secrets go where the image has the program that makes them, and are told where it has not") {
    test::TestFolder folder;
    for (const char* place :
         {"etc/ssh", "etc/bind", "usr/bin", "etc/ssl/certs", "etc/ssl/private", "usr/sbin", "etc/default",
          "etc/dropbear", "usr/share/ssl-cert", "var/lib/systemd", "etc/credstore.encrypted"}) {
        sys::makeDirectories(folder / place);
    }
    for (const char* file :
         {"etc/ssh/ssh_host_rsa_key", "etc/ssh/ssh_host_rsa_key.pub", "etc/ssh/sshd_config", "usr/bin/ssh-keygen",
          "etc/bind/rndc.key", "etc/bind/named.conf", "etc/dropbear/dropbear_rsa_host_key", "etc/default/dropbear",
          "usr/bin/dropbearkey", "etc/ssl/certs/ssl-cert-snakeoil.pem", "usr/sbin/make-ssl-cert",
          "etc/ssl/private/ssl-cert-snakeoil.key", "usr/share/ssl-cert/ssleay.cnf", "var/lib/systemd/random-seed",
          "var/lib/systemd/credential.secret"}) {
        test::write(folder / file, "x");
    }
    REQUIRE(::symlink("ssl-cert-snakeoil.pem", (folder / "etc/ssl/certs/62742064.0").c_str()) == 0);
    REQUIRE(::symlink("another.pem", (folder / "etc/ssl/certs/12345678.0").c_str()) == 0);
    const sys::UniqueFd root = sys::open(folder.path(), O_RDONLY | O_DIRECTORY);
    const Identity identity = forgetIdentity(root.get());
    CHECK(identity.removed == std::vector<std::string>{"random seeds", "ssh host keys", "dropbear's host keys",
                                                       "the self-signed certificate of ssl-cert",
                                                       "the key of systemd's credentials"});
    CHECK(identity.kept == std::vector<std::string>{"the control key of named"});
    CHECK_FALSE(test::present(folder / "etc/ssh/ssh_host_rsa_key.pub"));
    CHECK(test::present(folder / "etc/bind/rndc.key"));
    CHECK(sys::listDirectory(folder / "etc/ssl/certs") == std::vector<std::string>{"12345678.0"});

    test::write(folder / "etc/credstore.encrypted/a", "x");
    test::write(folder / "var/lib/systemd/credential.secret", "x");
    CHECK(forgetIdentity(root.get()).kept.back() == "the key of its encrypted credentials");
    CHECK(test::present(folder / "var/lib/systemd/credential.secret"));
}
