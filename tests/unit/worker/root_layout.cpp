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
    const RootLayout layout = Archive().folders({"root.x86_64/usr", "templates"}).layout();
    CHECK(layout.folder == "root.x86_64");
    CHECK(layout.beside == std::vector<std::string>{"templates"});
    CHECK(Archive().folders({"data"}).link("rootfs", "/").layout().folder.empty());
    CHECK(Archive().folders({"var/usr"}).layout().folder.empty()); // a part of a root is not the root
    CHECK_THROWS_AS(Archive().folders({"a/usr", "b/bin"}).layout(), Failure);
}

TEST_CASE("a name from the sandbox is one name") {
    CHECK(isPlainName("rootfs"));
    for (const std::string& name : {std::string(), std::string("."), std::string(".."), std::string("a/b"),
                                    std::string("a\0b", 3), std::string(256, 'a')}) {
        CHECK_FALSE(isPlainName(name));
    }
}
