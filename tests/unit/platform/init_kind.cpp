#include "platform/init_kind.hpp"

#include <unistd.h>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

using namespace zoned;
using platform::findInit;
using zone::InitKind;

namespace {

struct Tree {
    test::TestFolder folder;
    sys::UniqueFd root;

    Tree() {
        sys::makeDirectories(folder / "sbin");
        sys::makeDirectories(folder / "bin");
        sys::makeDirectories(folder / "etc");
        sys::makeDirectories(folder / "lib/systemd");
        root = sys::openDirectory(folder.path());
    }
    void file(const std::string& path) const { sys::replaceVolatileFile(folder / path, "", 0755); }
    void link(const std::string& path, const std::string& target) const {
        REQUIRE(::symlink(target.c_str(), (folder / path).c_str()) == 0);
    }
};

} // namespace

TEST_CASE("systemd, BusyBox, sysvinit, OpenRC and unknown inits are told apart") {
    const Tree tree;
    SECTION("systemd") {
        tree.file("lib/systemd/systemd");
        tree.link("sbin/init", "/lib/systemd/systemd");
        REQUIRE(findInit(tree.root.get()).kind == InitKind::systemd);
    }
    SECTION("BusyBox") {
        tree.file("bin/busybox");
        tree.link("sbin/init", "../bin/busybox");
        REQUIRE(findInit(tree.root.get()).kind == InitKind::busybox);
    }
    SECTION("sysvinit") {
        tree.file("sbin/init");
        tree.file("etc/inittab");
        REQUIRE(findInit(tree.root.get()).kind == InitKind::sysvinit);
    }
    SECTION("OpenRC below sysvinit's init") {
        tree.file("sbin/init");
        tree.file("sbin/openrc");
        tree.file("etc/inittab");
        REQUIRE(findInit(tree.root.get()).kind == InitKind::openrc);
    }
    SECTION("a program of one's own") {
        tree.file("sbin/init");
        REQUIRE(findInit(tree.root.get()).kind == InitKind::custom);
    }
}

TEST_CASE("a tree without an init says so and what to do") {
    const Tree tree;
    try {
        (void)findInit(tree.root.get());
        FAIL("an init was found");
    } catch (const sys::Error& error) {
        REQUIRE(std::string(error.what()).find("the image has no /sbin/init") != std::string::npos);
        REQUIRE(error.code() == ENOENT);
    }
}

TEST_CASE("an init that is a link to nowhere or a folder is none") {
    const Tree tree;
    tree.link("sbin/init", "/nowhere");
    sys::makeDirectories(tree.folder / "bin/init");
    REQUIRE_THROWS_AS(findInit(tree.root.get()), sys::Error);
}

TEST_CASE("every kind has a way to be asked to stop, and only systemd says when it is ready") {
    for (const InitKind kind : {InitKind::automatic, InitKind::systemd, InitKind::sysvinit, InitKind::openrc,
                                InitKind::busybox, InitKind::custom}) {
        const platform::StopRequest request = platform::stopRequest(kind);
        REQUIRE((request.signal != 0) != !request.command.empty());
        REQUIRE(platform::saysReady(kind) == (kind == InitKind::systemd));
    }
}
