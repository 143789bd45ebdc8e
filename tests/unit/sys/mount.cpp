#include "sys/mount.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/idmap.hpp"
#include "sys/process.hpp"
#include "sys/pty.hpp"

using namespace zoned;

namespace {

/// Runs the body in a mount namespace of its own and returns what it returns.
int inMountNamespace(const std::function<int()>& body) {
    const sys::Child child = sys::cloneProcess({.flags = CLONE_NEWNS}, [&body] {
        sys::makeMountsPrivate();
        return body();
    });
    const int status = sys::waitForChild(child.pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

} // namespace

TEST_CASE("a file system is made detached, used by its descriptor, and seen once attached") {
    const test::TestFolder folder;
    const int result = inMountNamespace([&folder] {
        const sys::UniqueFd mount = sys::makeFileSystem("tmpfs", {{"mode", "700"}}, MOUNT_ATTR_NOSUID);
        sys::replaceBeneath(mount.get(), "inside", "text");
        if (sys::exists(folder / "inside")) {
            return 1;
        }
        sys::attachMount(mount.get(), sys::openDirectory(folder.path()).get(), "the test's tmpfs");
        return sys::readFile(folder / "inside") == "text" ? 0 : 2;
    });
    REQUIRE(result == 0);
}

TEST_CASE("an option that the file system does not know is an error that names it") {
    REQUIRE_THROWS_WITH(sys::makeFileSystem("tmpfs", {{"nonsense", "1"}}, 0), ContainsSubstring("nonsense"));
    REQUIRE_THROWS_WITH(sys::makeFileSystem("nosuchfs", {}, 0), ContainsSubstring("nosuchfs"));
}

TEST_CASE("an id-mapped copy shows the namespace's ids for the plain ones on disk") {
    const test::TestFolder folder;
    sys::replaceFile(folder / "file", "");
    const sys::UniqueFd userns = sys::makeUserNamespace(3000 * 65536U);
    const sys::UniqueFd copy = sys::cloneMount(folder.path());
    sys::setMountAttributes(copy.get(), MOUNT_ATTR_RDONLY, 0, userns.get(), "the test's folder");
    struct stat info {};
    REQUIRE(::fstatat(copy.get(), "file", &info, 0) == 0);
    REQUIRE(info.st_uid == 3000 * 65536U);
    REQUIRE(::stat((folder / "file").c_str(), &info) == 0);
    REQUIRE(info.st_uid == 0);
}

TEST_CASE("a read-only copy refuses writes that the original takes") {
    const test::TestFolder folder;
    const sys::UniqueFd copy = sys::cloneMount(folder.path());
    sys::setMountAttributes(copy.get(), MOUNT_ATTR_RDONLY, 0, -1, "the test's folder");
    REQUIRE_THROWS_AS(sys::replaceBeneath(copy.get(), "file", ""), sys::Error);
    REQUIRE_NOTHROW(sys::replaceVolatileFile(folder / "file", ""));
}

TEST_CASE("a copy of a shared mount can become the root, and shares nothing with what it was copied from") {
    const test::TestFolder folder;
    sys::makeDirectories(folder / "shared/below");
    sys::makeDirectories(folder / "copy");
    const int result = inMountNamespace([&folder] {
        const sys::UniqueFd shared = sys::makeFileSystem("tmpfs", {}, 0);
        sys::attachMount(shared.get(), sys::openDirectory(folder / "shared").get(), "the test's tmpfs");
        // as systemd leaves every mount of a host
        if (::mount(nullptr, (folder / "shared").c_str(), nullptr, MS_SHARED, nullptr) != 0) {
            return 1;
        }
        sys::makeDirectories(folder / "shared/below");
        const sys::UniqueFd copy = sys::cloneMount(folder / "shared");
        sys::attachMount(copy.get(), sys::openDirectory(folder / "copy").get(), "the copy");
        const sys::UniqueFd other = sys::makeFileSystem("tmpfs", {}, 0);
        sys::replaceBeneath(other.get(), "inside", "");
        sys::attachMount(other.get(), sys::openDirectory(folder / "copy/below").get(), "a mount below the copy");
        if (sys::exists(folder / "shared/below/inside")) {
            return 2;
        }
        sys::pivotRoot(copy.get()); // which the kernel refuses for a shared mount
        return sys::exists("/below/inside") ? 0 : 3;
    });
    REQUIRE(result == 0);
}

TEST_CASE("a terminal comes from the tree's own devpts, and from nothing that only looks like one") {
    const test::TestFolder folder;
    sys::makeDirectories(folder / "dev/pts");
    const int result = inMountNamespace([&folder] {
        const sys::UniqueFd root = sys::openDirectory(folder.path());
        const sys::UniqueFd pts = sys::makeFileSystem("devpts", {{"ptmxmode", "666"}}, 0);
        sys::attachMount(pts.get(), sys::openDirectory(folder / "dev/pts").get(), "the test's devpts");
        const sys::Pty pty = sys::openPty(root.get());
        sys::setWindowSize(pty.master.get(), 31, 97);
        return sys::ptyNumber(pty.master.get()) == 0 && pty.slave ? 0 : 1;
    });
    REQUIRE(result == 0);
    const sys::UniqueFd root = sys::openDirectory(folder.path());
    REQUIRE_THROWS_AS(sys::openPty(root.get()), sys::Error); // nothing there
    sys::replaceVolatileFile(folder / "dev/pts/ptmx", "");
    REQUIRE_THROWS_AS(sys::openPty(root.get()), sys::Error); // a plain file
    REQUIRE(::unlink((folder / "dev/pts/ptmx").c_str()) == 0);
    REQUIRE(::symlink("/dev/pts/ptmx", (folder / "dev/pts/ptmx").c_str()) == 0);
    REQUIRE_THROWS_AS(sys::openPty(root.get()), sys::Error); // the host's, by a link
}
