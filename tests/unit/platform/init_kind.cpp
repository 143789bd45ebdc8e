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
    void file(const std::string& path, const std::string& content = "") const {
        sys::makeDirectories(folder / path.substr(0, path.rfind('/')));
        sys::replaceVolatileFile(folder / path, content, 0755);
    }
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

TEST_CASE("an init is known by what the program is, whatever its name") {
    const Tree tree;
    tree.file("etc/inittab");
    const auto kindOf = [&](const std::vector<std::string>& argv) {
        return findInit(tree.root.get(), InitKind::custom, argv).kind;
    };
    tree.file("opt/first", "\x7f"
                           "ELF libsystemd-core-252.so");
    REQUIRE(kindOf({"/opt/first", "--switched-root"}) == InitKind::systemd);
    tree.file("opt/second", "\x7f"
                            "ELF INIT: /etc/inittab");
    REQUIRE(kindOf({"/opt/second"}) == InitKind::sysvinit);
    tree.file("sbin/openrc");
    REQUIRE(kindOf({"/opt/second"}) == InitKind::openrc);
    tree.file("opt/third", "\x7f"
                           "ELF librc.so.1");
    REQUIRE(kindOf({"/opt/third"}) == InitKind::openrc);
    tree.file("lib/systemd/systemd");
    tree.link("opt/fourth", "/lib/systemd/systemd");
    REQUIRE(kindOf({"/opt/fourth"}) == InitKind::systemd);
    tree.file("opt/script", "#!/bin/sh\nexec tail -f /etc/inittab\n");
    REQUIRE(kindOf({"/opt/script"}) == InitKind::custom);
    REQUIRE(kindOf({"/opt/missing"}) == InitKind::custom);
}

TEST_CASE("a BusyBox is an init only under that name") {
    const Tree tree;
    tree.file("bin/busybox", "\x7f"
                             "ELF BusyBox v1.35 /etc/inittab");
    tree.link("bin/sh", "busybox");
    tree.link("sbin/init", "../bin/busybox");
    tree.file("opt/linuxrc", "\x7f"
                             "ELF BusyBox v1.35 /etc/inittab");
    const auto kindOf = [&](const std::vector<std::string>& argv) {
        return findInit(tree.root.get(), InitKind::custom, argv).kind;
    };
    REQUIRE(kindOf({"/sbin/init"}) == InitKind::busybox);
    REQUIRE(kindOf({"/opt/linuxrc"}) == InitKind::busybox);
    REQUIRE(kindOf({"/bin/busybox", "init"}) == InitKind::busybox);
    REQUIRE(kindOf({"/bin/busybox", "sh"}) == InitKind::custom);
    REQUIRE(kindOf({"/bin/sh", "-c", "init"}) == InitKind::custom);
}

TEST_CASE("a kind that the definition names is looked for, and taken on trust where it cannot be told") {
    const Tree tree;
    SECTION("without a link from /sbin/init") {
        tree.file("lib/systemd/systemd");
        tree.file("bin/busybox");
        REQUIRE(findInit(tree.root.get(), InitKind::systemd).argv == std::vector<std::string>{"/lib/systemd/systemd"});
        REQUIRE(findInit(tree.root.get()).path == "/lib/systemd/systemd");
        const platform::FoundInit busybox = findInit(tree.root.get(), InitKind::busybox);
        REQUIRE(busybox.path == "/bin/busybox");
        REQUIRE(busybox.argv == std::vector<std::string>{"init"});
    }
    SECTION("beside another one") {
        tree.file("lib/systemd/systemd");
        tree.file("bin/busybox");
        tree.link("sbin/init", "../bin/busybox");
        REQUIRE(findInit(tree.root.get()).kind == InitKind::busybox);
        REQUIRE(findInit(tree.root.get(), InitKind::systemd).path == "/lib/systemd/systemd");
    }
    SECTION("behind a wrapper") {
        tree.file("sbin/init", "#!/bin/sh\nexec /opt/init\n");
        REQUIRE(findInit(tree.root.get(), InitKind::openrc).kind == InitKind::openrc);
        REQUIRE(findInit(tree.root.get(), InitKind::openrc).path == "/sbin/init");
    }
    SECTION("not at all") {
        tree.file("bin/busybox");
        REQUIRE_THROWS_AS(findInit(tree.root.get()), sys::Error);
        REQUIRE_THROWS_AS(findInit(tree.root.get(), InitKind::systemd), sys::Error);
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
