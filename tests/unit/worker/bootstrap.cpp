#include "bootstrap.hpp"

#include <algorithm>

#include "failure.hpp"
#include "support/catch.hpp"

using namespace zoned::worker;

TEST_CASE("suites, mirrors and packages that could be options or lines of a file are refused") {
    for (const char* suite : {"", "-x", "--help", "book worm", "../x", "Bookworm", "a\nb", ".x"}) {
        INFO(suite);
        CHECK_THROWS_AS(checkSuite(suite), Failure);
    }
    for (const char* mirror : {"", "-", "ftp://x/", "http://", "http://x/ y", "http://x/\n", "http://x/[trusted=yes]",
                               "file:relative", "deb http://x bookworm main", "/path"}) {
        INFO(mirror);
        CHECK_THROWS_AS(checkMirror(mirror), Failure);
    }
    for (const char* package :
         {"", "a", "-vim", "vim-", "Vim", "vim nano", "vim;x", "?essential", "./x.deb", "vim:", "a/b"}) {
        INFO(package);
        CHECK_THROWS_AS(checkPackage(package), Failure);
    }
}

TEST_CASE("ordinary suites, mirrors and packages are taken") {
    CHECK_NOTHROW(checkSuite("bookworm"));
    CHECK_NOTHROW(checkSuite("bookworm-backports"));
    CHECK_NOTHROW(checkMirror("http://mirror.example/debian"));
    CHECK_NOTHROW(checkMirror("file:///srv/debian"));
    CHECK_NOTHROW(checkPackage("g++"));
    CHECK_NOTHROW(checkPackage("libc6:i386"));
    CHECK_NOTHROW(checkPackage("linux-image-6.1"));
}

TEST_CASE("the command names the init system's packages, then the asked ones, and the mirror last") {
    BootstrapOptions options{
        .suite = "bookworm", .mirror = "http://mirror.example/debian", .include = {"vim"}, .init = InitKind::sysvinit};
    const auto command = bootstrapCommand(options);
    CHECK(std::count(command.begin(), command.end(),
                     "--include=sysvinit-core,iproute2,iputils-ping,login,passwd,vim") == 1);
    CHECK(std::vector<std::string>(command.end() - 4, command.end()) ==
          std::vector<std::string>{"--", "bookworm", "-", "http://mirror.example/debian"});

    options = {.suite = "trixie", .init = InitKind::none};
    CHECK(bootstrapCommand(options) == std::vector<std::string>{"mmdebstrap", "--mode=root", "--variant=minbase",
                                                                "--format=tar", "--", "trixie", "-"});
}

TEST_CASE("mmdebstrap's steps become progress") {
    BootstrapMessages messages;
    CHECK_FALSE(messages.feed("Get:1 x\nI: downloading pack"));
    const auto step = messages.feed("ages with apt...\n");
    REQUIRE(step);
    CHECK(step->message == "downloading packages with apt...");
    CHECK(step->fraction == 0.12);
    // never backwards
    CHECK(messages.feed("I: running apt-get update...\n")->fraction == 0.12);
}

TEST_CASE("the reason told is the first cause, not what followed from it") {
    const BootstrapOptions options{.suite = "nosuch"};
    BootstrapMessages unknownSuite;
    unknownSuite.feed("E: The repository 'http://mirror.example nosuch Release' does not have a Release file.\n"
                      "E: apt-get update failed\nE: mmdebstrap failed to run\n");
    CHECK(unknownSuite.reason(options, 256) ==
          "the mirror has no suite 'nosuch': The repository 'http://mirror.example nosuch Release' does not have a "
          "Release file.");

    BootstrapMessages unknownPackage;
    unknownPackage.feed(
        "E: Unable to locate package x\x1b[0m\nE: setup failed: E: apt-get\nE: mmdebstrap failed to run\n");
    CHECK(unknownPackage.reason(options, 256) ==
          "building from the suite 'nosuch' failed: Unable to locate package x?[0m");

    CHECK(BootstrapMessages().reason(options, 9) ==
          "building from the suite 'nosuch' failed: mmdebstrap was killed by signal 9 (Killed)");
}
