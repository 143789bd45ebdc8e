#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

using namespace zoned;
using sys::UniqueFd;
using test::TestFolder;

namespace {

int errorCode(const std::function<void()>& action) {
    try {
        action();
    } catch (const sys::Error& error) {
        return error.code();
    }
    return 0;
}

void folder(const std::string& path) {
    sys::check(::mkdir(path.c_str(), 0755), "making the folder ", path);
}

/// A chain of folders, deeper than any path may be long.
void makeDeep(const std::string& path, int levels) {
    folder(path);
    UniqueFd current = sys::openDirectory(path);
    for (int i = 0; i < levels; ++i) {
        sys::check(::mkdirat(current.get(), "deeper", 0755), "making a deep folder");
        UniqueFd next(::openat(current.get(), "deeper", O_PATH | O_DIRECTORY | O_CLOEXEC));
        sys::check(next.get(), "opening a deep folder");
        if (i % 100 == 0) {
            const UniqueFd file(::openat(next.get(), "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
            sys::check(file.get(), "making a deep file");
        }
        current = std::move(next);
    }
}

} // namespace

TEST_CASE("a tree is removed with everything in it", "[remove_tree]") {
    const TestFolder base;
    const int before = test::openDescriptors();
    const std::string tree = base / "tree";
    folder(tree);
    folder(tree + "/a");
    folder(tree + "/a/empty");
    test::write(tree + "/a/file", "x");
    test::write(tree + "/.hidden", "x");
    REQUIRE(::mkfifo((tree + "/a/fifo").c_str(), 0600) == 0);
    test::write(base / "tree-beside", "kept");
    sys::removeTree(tree + "/");
    CHECK(sys::listDirectory(base.path()) == std::vector<std::string>{"tree-beside"});
    CHECK(test::openDescriptors() == before);
}

TEST_CASE("removing what is absent is fine, a file or a link is removed itself", "[remove_tree]") {
    const TestFolder base;
    sys::removeTree(base / "absent");
    sys::removeTree(base / "absent/deeper");
    test::write(base / "file", "");
    sys::removeTree(base / "file");
    CHECK_FALSE(test::present(base / "file"));
    folder(base / "target");
    test::write(base / "target/file", "kept");
    REQUIRE(::symlink("target", (base / "link").c_str()) == 0);
    sys::removeTree(base / "link");
    CHECK_FALSE(test::present(base / "link"));
    CHECK(test::read(base / "target/file") == "kept");
}

TEST_CASE("a path that does not end in a name is refused", "[remove_tree]") {
    for (const std::string path : {"", "/", "//", ".", "..", "/tmp/..", "/tmp/."}) {
        CHECK(errorCode([&] { sys::removeTree(path); }) == EINVAL);
    }
}

TEST_CASE("links in a tree are removed, not followed", "[remove_tree]") {
    const TestFolder base;
    folder(base / "host");
    test::write(base / "host/file", "kept");
    folder(base / "tree");
    REQUIRE(::symlink((base / "host").c_str(), (base / "tree/absolute").c_str()) == 0);
    REQUIRE(::symlink("../host", (base / "tree/relative").c_str()) == 0);
    REQUIRE(::symlink("../host/file", (base / "tree/file").c_str()) == 0);
    sys::removeTree(base / "tree");
    CHECK_FALSE(test::present(base / "tree"));
    CHECK(test::read(base / "host/file") == "kept");
}

TEST_CASE("a tree deeper than stack, descriptors and path length is removed", "[remove_tree]") {
    const TestFolder base;
    makeDeep(base / "tree", 10000);
    rlimit old{};
    ::getrlimit(RLIMIT_NOFILE, &old);
    rlimit few = old;
    few.rlim_cur = static_cast<rlim_t>(test::openDescriptors()) + 8;
    ::setrlimit(RLIMIT_NOFILE, &few);
    const int code = errorCode([&] { sys::removeTree(base / "tree"); });
    ::setrlimit(RLIMIT_NOFILE, &old);
    CHECK(code == 0);
    CHECK_FALSE(test::present(base / "tree"));
}

TEST_CASE("a folder with more subfolders than one batch is removed", "[remove_tree]") {
    const TestFolder base;
    folder(base / "tree");
    for (int i = 0; i < 1500; ++i) {
        const std::string path = sys::join(base / "tree/", "sub", i);
        folder(path);
        if (i % 3 == 0) {
            folder(path + "/inner");
        }
    }
    for (int i = 0; i < 500; ++i) {
        test::write(sys::join(base / "tree/", "file", i), "");
    }
    sys::removeTree(base / "tree");
    CHECK_FALSE(test::present(base / "tree"));
}

TEST_CASE("folders without permission bits are removed by their owner", "[remove_tree]") {
    const TestFolder base;
    const pid_t child = ::fork();
    if (child == 0) {
        // Not as root, to whom the bits mean nothing.
        if (::geteuid() == 0 && (::chown(base.path().c_str(), 65534, 65534) != 0 ||
                                 ::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0)) {
            ::_exit(2);
        }
        folder(base / "tree");
        folder(base / "tree/locked");
        folder(base / "tree/locked/inner");
        test::write(base / "tree/locked/inner/file", "");
        ::chmod((base / "tree/locked/inner").c_str(), 0000);
        ::chmod((base / "tree/locked").c_str(), 0000);
        ::chmod((base / "tree").c_str(), 0000);
        const int code = errorCode([&] { sys::removeTree(base / "tree"); });
        ::_exit(code == 0 && !test::present(base / "tree") ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
}

TEST_CASE("a mount in a tree stops the removal and keeps its files", "[remove_tree]") {
    if (!test::ownMounts()) {
        WARN("needs root");
        return;
    }
    const TestFolder base;
    folder(base / "host");
    test::write(base / "host/file", "kept");
    folder(base / "tree");
    folder(base / "tree/mnt");
    std::string point = base / "tree/mnt";
    SECTION("another file system") {
        REQUIRE(::mount("none", point.c_str(), "tmpfs", 0, nullptr) == 0);
        test::write(point + "/file", "kept");
        CHECK(errorCode([&] { sys::removeTree(base / "tree"); }) == EXDEV);
        CHECK(test::read(point + "/file") == "kept");
    }
    SECTION("a bind mount of the same file system") {
        REQUIRE(::mount((base / "host").c_str(), point.c_str(), nullptr, MS_BIND, nullptr) == 0);
        CHECK(errorCode([&] { sys::removeTree(base / "tree"); }) == EXDEV);
    }
    SECTION("a mounted file") {
        point = base / "tree/mounted";
        test::write(point, "");
        REQUIRE(::mount((base / "host/file").c_str(), point.c_str(), nullptr, MS_BIND, nullptr) == 0);
        CHECK(errorCode([&] { sys::removeTree(base / "tree"); }) == EBUSY);
    }
    SECTION("the tree itself") {
        point = base / "tree";
        REQUIRE(::mount((base / "host").c_str(), point.c_str(), nullptr, MS_BIND, nullptr) == 0);
        CHECK(errorCode([&] { sys::removeTree(base / "tree"); }) == EXDEV);
    }
    CHECK(test::read(base / "host/file") == "kept");
    REQUIRE(::umount2(point.c_str(), MNT_DETACH) == 0);
    sys::removeTree(base / "tree");
    CHECK_FALSE(test::present(base / "tree"));
    CHECK(test::read(base / "host/file") == "kept");
}

TEST_CASE("folders moved out from under the removal never lead it elsewhere", "[remove_tree]") {
    const TestFolder base;
    folder(base / "elsewhere");
    for (int round = 0; round < 8; ++round) {
        folder(base / "tree");
        for (int i = 0; i < 30; ++i) {
            folder(sys::join(base / "tree/", i));
            folder(sys::join(base / "tree/", i, "/inner"));
            for (int j = 0; j < 20; ++j) {
                test::write(sys::join(base / "tree/", i, "/inner/", j), "");
            }
        }
        test::write(base / "elsewhere/file", "kept");
        const pid_t attacker = ::fork();
        if (attacker == 0) {
            for (int i = 0;; i = (i + 1) % 30) {
                const std::string moved = sys::join(base / "elsewhere/", round, "-", i);
                ::rename(sys::join(base / "tree/", i, "/inner").c_str(), moved.c_str());
            }
        }
        const int code = errorCode([&] { sys::removeTree(base / "tree"); });
        ::kill(attacker, SIGKILL);
        ::waitpid(attacker, nullptr, 0);
        CHECK((code == 0 || code == ESTALE));
        REQUIRE(test::read(base / "elsewhere/file") == "kept");
        sys::removeTree(base / "tree");
    }
}
