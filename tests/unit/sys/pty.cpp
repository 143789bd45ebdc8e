#include "sys/pty.hpp"

#include <unistd.h>

#include <string>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/mount.hpp"
#include "sys/namespaces.hpp"

using namespace zoned;

TEST_CASE("a terminal that the kernel refuses for its number tells the limit's name") {
    if (::geteuid() != 0) {
        return;
    }
    const test::TestFolder folder;
    sys::makeDirectories(folder / "dev/pts");
    const sys::PrivateMountNamespace apart;
    const sys::UniqueFd mount = sys::makeFileSystem("devpts", {{"max", "1"}, {"ptmxmode", "666"}}, 0);
    sys::attachMount(mount.get(), sys::openDirectory(folder / "dev/pts").get(), "a devpts");
    const sys::UniqueFd root = sys::openDirectory(folder.path());
    const sys::Pty first = sys::openPty(root.get());
    REQUIRE(sys::ptyNumber(first.master.get()) == 0);
    try {
        (void)sys::openPty(root.get());
        FAIL("a second terminal was opened");
    } catch (const sys::Error& error) {
        REQUIRE(error.code() == ENOSPC);
        REQUIRE(std::string(error.what()).find("kernel.pty.max") != std::string::npos);
    }
}
