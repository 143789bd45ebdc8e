#include "root_layout.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "failure.hpp"
#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/file.hpp"

using namespace zoned;
using namespace zoned::worker;

namespace {

struct Archive {
    test::TestFolder folder;

    Archive& folders(std::initializer_list<const char*> names) {
        for (const char* name : names) {
            sys::makeDirectories(folder / name);
        }
        return *this;
    }
    Archive& link(const char* name, const char* target) {
        REQUIRE(::symlink(target, (folder / name).c_str()) == 0);
        return *this;
    }
    RootLayout layout() const { return findRoot(sys::open(folder.path(), O_RDONLY | O_DIRECTORY).get()); }
};

} // namespace

TEST_CASE("a root at the top is one, whatever lies in it") {
    CHECK(Archive().folders({"usr/bin", "etc", "rootfs/usr"}).layout().folder.empty());
    CHECK(Archive().folders({"etc"}).link("bin", "usr/bin").layout().folder.empty());
    CHECK(Archive().folders({"nix/store"}).layout().folder.empty());
    CHECK(Archive().folders({"etc", "var"}).layout().folder.empty()); // none, but nothing else looks like one
}

TEST_CASE("a root in a folder is found, by a folder and never by a link") {
    const RootLayout layout = Archive().folders({"root.x86_64/usr", "root.x86_64/etc", "templates"}).layout();
    CHECK(layout.folder == "root.x86_64");
    CHECK(layout.beside == std::vector<std::string>{"templates"});
    CHECK(Archive().folders({"data"}).link("rootfs", "/").layout().folder.empty());
    CHECK(Archive().folders({"app/bin"}).layout().folder.empty()); // where an application's own program is
    const RootLayout deep = Archive()
                                .folders({"backup/container/rootfs/usr", "backup/container/rootfs/etc",
                                          "backup/container/templates", "backup/volumes"})
                                .layout();
    CHECK(deep.folder == "backup/container/rootfs");
    CHECK(deep.beside == std::vector<std::string>{"volumes", "templates"});
    CHECK(Archive().folders({"a/b/c/d/usr", "a/b/c/d/etc"}).layout().folder.empty());
    CHECK(Archive().folders({"var/usr", "var/etc"}).layout().folder.empty()); // a part of a root is not the root
    CHECK_THROWS_AS(Archive().folders({"a/usr", "a/etc", "b/bin", "b/etc"}).layout(), Failure);
}

TEST_CASE("a program for another machine is known by its first bytes") {
    const auto elf = [](char data, const std::string& machine) {
        return std::string("\x7f"
                           "ELF\x02",
                           5) +
               data + std::string(12, '\0') + machine + std::string(8, '\0');
    };
    const std::string own = sys::readFile("/proc/self/exe", 1U << 30).value();
    CHECK(foreignMachine(own).empty());
    CHECK(foreignMachine(elf('\x02', std::string("\0\x16", 2))) == "s390");
    CHECK(foreignMachine(elf('\x01', std::string("\xf3\0", 2))) == "riscv");
    CHECK(foreignMachine(elf('\x01', std::string("\xfe\xca", 2))) == "machine 51966");
    CHECK(foreignMachine("#!/bin/sh\nexec something that is long enough\n").empty());
    CHECK(foreignMachine("\x7f"
                         "ELF")
              .empty());
}

TEST_CASE("a path from the sandbox has names only") {
    CHECK(isPlainPath("rootfs"));
    CHECK(isPlainPath("backup/container/rootfs"));
    for (const std::string& name :
         {std::string(), std::string("."), std::string(".."), std::string("/a"), std::string("a/"), std::string("a//b"),
          std::string("a/../b"), std::string("a\0b", 3), std::string(256, 'a')}) {
        CHECK_FALSE(isPlainPath(name));
    }
}
