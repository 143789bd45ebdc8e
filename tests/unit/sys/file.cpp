#include "sys/file.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/error.hpp"

using namespace zoned;
using sys::FileType;
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

void link(const std::string& target, const std::string& path) {
    sys::check(::symlink(target.c_str(), path.c_str()), "making the link ", path);
}

void folder(const std::string& path, mode_t mode = 0755) {
    sys::check(::mkdir(path.c_str(), mode), "making the folder ", path);
}

ino_t inodeOf(const std::string& path) {
    struct stat status {};
    sys::check(::lstat(path.c_str(), &status), "reading the attributes of ", path);
    return status.st_ino;
}

/// A zone's tree beside a folder of the host that nothing in the tree may reach.
struct HostileTree {
    TestFolder base;
    std::string zone = base / "zone";
    std::string host = base / "host";
    UniqueFd root;

    HostileTree() {
        folder(zone);
        folder(host);
        test::write(host + "/secret", "secret");
        root = sys::openDirectory(zone);
    }
    [[nodiscard]] std::string in(const std::string& name) const { return zone + "/" + name; }
    std::optional<std::string> read(const std::string& path) const { return sys::readBeneath(root.get(), path, 100); }
    void hostIsUntouched() const {
        CHECK(sys::listDirectory(host) == std::vector<std::string>{"secret"});
        CHECK(test::read(host + "/secret") == "secret");
    }
};

} // namespace

TEST_CASE("links and dot-dot end at the root of the tree", "[file]") {
    const HostileTree tree;
    folder(tree.in("etc"));
    test::write(tree.in("etc/passwd"), "the zone's own");
    SECTION("dot-dot in the path") {
        CHECK_FALSE(tree.read("../host/secret"));
        CHECK(tree.read("../../../../etc/passwd") == "the zone's own");
        CHECK(tree.read("/etc/../../etc/passwd") == "the zone's own");
    }
    SECTION("an absolute link is seen from the root") {
        link("/etc/passwd", tree.in("absolute"));
        CHECK(tree.read("absolute") == "the zone's own");
        link(tree.host + "/secret", tree.in("out"));
        CHECK_FALSE(tree.read("out"));
    }
    SECTION("a relative link with dot-dot") {
        link("../../../../etc/passwd", tree.in("etc/relative"));
        CHECK(tree.read("etc/relative") == "the zone's own");
        link("../host/secret", tree.in("out"));
        CHECK_FALSE(tree.read("out"));
    }
    SECTION("a folder in the middle that is a link out of the tree") {
        link(tree.host, tree.in("var"));
        CHECK_FALSE(tree.read("var/secret"));
        link("../host", tree.in("run"));
        CHECK_FALSE(tree.read("run/secret"));
    }
    SECTION("a link that leads to itself") {
        link("loop", tree.in("loop"));
        CHECK(errorCode([&] { tree.read("loop"); }) == ELOOP);
    }
}

TEST_CASE("magic links are refused", "[file]") {
    const UniqueFd slash = sys::openDirectory("/");
    CHECK(errorCode([&] { static_cast<void>(sys::readBeneath(slash.get(), "proc/self/exe", 100)); }) == ELOOP);
    CHECK(errorCode([&] { static_cast<void>(sys::readBeneath(slash.get(), "proc/self/root/etc/passwd", 100000)); }) ==
          ELOOP);
    CHECK(errorCode([&] { sys::replaceBeneath(slash.get(), "proc/self/cwd/zoned-test-file", "x"); }) == ELOOP);
}

TEST_CASE("only an inode of the wanted type is opened", "[file]") {
    const HostileTree tree;
    const int before = test::openDescriptors();
    const auto openCode = [&](const std::string& path, int flags, FileType type) {
        return errorCode([&] { static_cast<void>(sys::openBeneath(tree.root.get(), path, flags, type)); });
    };
    SECTION("a FIFO at a file's place neither hangs nor passes") {
        REQUIRE(::mkfifo(tree.in("fifo").c_str(), 0666) == 0);
        CHECK(openCode("fifo", O_RDONLY, FileType::regular) == ENXIO);
        CHECK(openCode("fifo", O_WRONLY, FileType::regular) == ENXIO);
        CHECK(openCode("fifo", O_WRONLY | O_CREAT | O_TRUNC, FileType::regular) == ENXIO);
        CHECK(openCode("fifo", O_PATH, FileType::regular) == ENXIO);
        CHECK(errorCode([&] { tree.read("fifo"); }) == ENXIO);
        CHECK(openCode("fifo", O_RDONLY, FileType::any) == 0);
    }
    SECTION("a socket") {
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        std::strncpy(name.sun_path, tree.in("socket").c_str(), sizeof(name.sun_path) - 1);
        const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0);
        CHECK(openCode("socket", O_RDONLY, FileType::regular) == ENXIO);
    }
    SECTION("a device") {
        if (::mknod(tree.in("device").c_str(), S_IFCHR | 0666, makedev(1, 5)) != 0) {
            WARN("needs root");
            return;
        }
        CHECK(openCode("device", O_RDONLY, FileType::regular) == ENXIO);
        CHECK(errorCode([&] { tree.read("device"); }) == ENXIO);
    }
    SECTION("a folder at a file's place and a file at a folder's") {
        folder(tree.in("folder"));
        test::write(tree.in("file"), "");
        CHECK(openCode("folder", O_RDONLY, FileType::regular) == ENXIO);
        CHECK(openCode("file", O_RDONLY, FileType::directory) == ENXIO);
        CHECK(openCode("folder", O_RDONLY, FileType::directory) == 0);
        CHECK(openCode("file", O_RDONLY, FileType::regular) == 0);
    }
    SECTION("a link is not opened itself") {
        link("nowhere", tree.in("link"));
        CHECK(openCode("link", O_PATH | O_NOFOLLOW, FileType::regular) == ENXIO);
        CHECK(openCode("link", O_RDONLY | O_NOFOLLOW, FileType::regular) == ENXIO);
    }
    if (!test::present(tree.in("socket"))) {
        CHECK(test::openDescriptors() == before);
    }
}

TEST_CASE("an opened file is close-on-exec and blocking, and made with its mode", "[file]") {
    const HostileTree tree;
    const UniqueFd file = sys::openBeneath(tree.root.get(), "new", O_RDWR | O_CREAT | O_EXCL, FileType::regular, 0640);
    CHECK((::fcntl(file.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(file.get(), F_GETFL) & O_NONBLOCK) == 0);
    CHECK(test::modeOf(tree.in("new")) == 0640);
    CHECK(errorCode([&] {
              static_cast<void>(
                  sys::openBeneath(tree.root.get(), "new", O_RDWR | O_CREAT | O_EXCL, FileType::regular, 0640));
          }) == EEXIST);
}

TEST_CASE("making a file through a dangling link stays inside", "[file]") {
    const HostileTree tree;
    link(tree.host + "/new", tree.in("dangling"));
    CHECK(errorCode([&] {
              static_cast<void>(
                  sys::openBeneath(tree.root.get(), "dangling", O_WRONLY | O_CREAT, FileType::regular, 0600));
          }) == ENOENT);
    tree.hostIsUntouched();
}

TEST_CASE("a path with a NUL is refused everywhere", "[file]") {
    const HostileTree tree;
    const std::string path("file\0/../x", 10);
    CHECK(errorCode([&] { tree.read(path); }) == EINVAL);
    CHECK(errorCode([&] { sys::replaceBeneath(tree.root.get(), path, ""); }) == EINVAL);
    CHECK(errorCode([&] { sys::makeDirectoriesBeneath(tree.root.get(), path); }) == EINVAL);
    CHECK(errorCode([&] { static_cast<void>(sys::readFile(path)); }) == EINVAL);
    CHECK(errorCode([&] { sys::removeTree(tree.in(path)); }) == EINVAL);
}

TEST_CASE("reading beneath tells absent from too long", "[file]") {
    const HostileTree tree;
    test::write(tree.in("file"), std::string(100, 'x'));
    CHECK(tree.read("file")->size() == 100);
    CHECK_FALSE(tree.read("absent"));
    CHECK_FALSE(tree.read("absent/deeper"));
    CHECK_FALSE(tree.read("file/deeper"));
    test::write(tree.in("file"), std::string(101, 'x'));
    CHECK(errorCode([&] { tree.read("file"); }) == EFBIG);
}

TEST_CASE("directories are made beneath the root, whatever the links say", "[file]") {
    const HostileTree tree;
    const auto make = [&](const std::string& path, mode_t mode = 0755) {
        return sys::makeDirectoriesBeneath(tree.root.get(), path, mode);
    };
    SECTION("parents too, with their mode in spite of the umask") {
        const mode_t old = ::umask(0077);
        const UniqueFd made = make("/a//b/c/", 0751);
        ::umask(old);
        CHECK(test::modeOf(tree.in("a")) == 0751);
        CHECK(test::modeOf(tree.in("a/b/c")) == 0751);
        struct stat status {};
        REQUIRE(::fstat(made.get(), &status) == 0);
        CHECK(status.st_ino == inodeOf(tree.in("a/b/c")));
    }
    SECTION("existing ones keep their mode") {
        folder(tree.in("a"), 0700);
        make("a/b");
        CHECK(test::modeOf(tree.in("a")) == 0700);
    }
    SECTION("a link on the way is followed inside") {
        folder(tree.in("real"));
        link("/real", tree.in("alias"));
        make("alias/sub");
        CHECK(test::present(tree.in("real/sub")));
    }
    SECTION("dot-dot does not leave") {
        make("../../x/../y");
        CHECK(test::present(tree.in("x")));
        CHECK(test::present(tree.in("y")));
    }
    SECTION("a link out of the tree leads nowhere") {
        link(tree.host, tree.in("out"));
        CHECK(errorCode([&] { make("out/sub"); }) == ENOENT);
        link("../host", tree.in("up"));
        CHECK(errorCode([&] { make("up/sub"); }) == ENOENT);
    }
    SECTION("a file on the way is an error") {
        test::write(tree.in("file"), "");
        CHECK(errorCode([&] { make("file/sub"); }) == ENOTDIR);
    }
    SECTION("the root itself") {
        CHECK(make("/"));
    }
    tree.hostIsUntouched();
}

TEST_CASE("a file is replaced by a new inode, inside the tree", "[file]") {
    const HostileTree tree;
    folder(tree.in("etc"));
    const auto replace = [&](const std::string& path) { sys::replaceBeneath(tree.root.get(), path, "new", 0640); };
    SECTION("a plain file") {
        test::write(tree.in("etc/hosts"), "old");
        REQUIRE(::link(tree.in("etc/hosts").c_str(), tree.in("other").c_str()) == 0);
        replace("etc/hosts");
        CHECK(test::read(tree.in("etc/hosts")) == "new");
        CHECK(test::modeOf(tree.in("etc/hosts")) == 0640);
        CHECK(test::read(tree.in("other")) == "old");
    }
    SECTION("an absent one") {
        replace("/etc/hosts");
        CHECK(test::read(tree.in("etc/hosts")) == "new");
    }
    SECTION("a link at its place is replaced, not followed") {
        link(tree.host + "/secret", tree.in("etc/hosts"));
        replace("etc/hosts");
        CHECK(sys::readLinkBeneath(tree.root.get(), "etc/hosts") == std::nullopt);
        CHECK(test::read(tree.in("etc/hosts")) == "new");
    }
    SECTION("a FIFO at its place is replaced") {
        REQUIRE(::mkfifo(tree.in("etc/hosts").c_str(), 0666) == 0);
        replace("etc/hosts");
        CHECK(test::read(tree.in("etc/hosts")) == "new");
    }
    SECTION("a folder that is a link out of the tree is not followed out") {
        link(tree.host, tree.in("out"));
        CHECK(errorCode([&] { replace("out/secret"); }) == ENOENT);
    }
    SECTION("a folder at its place is an error, and nothing is left behind") {
        folder(tree.in("etc/hosts"));
        CHECK(errorCode([&] { replace("etc/hosts"); }) == EISDIR);
    }
    SECTION("a path that does not end in a name is refused") {
        for (const std::string path : {"", "/", "etc/", "etc/..", ".", ".."}) {
            CHECK(errorCode([&] { replace(path); }) == EINVAL);
        }
    }
    for (const auto& name : sys::listDirectory(tree.in("etc"))) {
        CHECK(name == "hosts");
    }
    tree.hostIsUntouched();
}

TEST_CASE("a link is read, not followed", "[file]") {
    const HostileTree tree;
    link("/some where/else", tree.in("link"));
    test::write(tree.in("file"), "");
    CHECK(sys::readLinkBeneath(tree.root.get(), "link") == "/some where/else");
    CHECK_FALSE(sys::readLinkBeneath(tree.root.get(), "file"));
    CHECK_FALSE(sys::readLinkBeneath(tree.root.get(), "absent"));
    CHECK_FALSE(sys::readLinkBeneath(tree.root.get(), "file/deeper"));
}

TEST_CASE("a folder that is swapped for a link while it is used never leads out", "[file]") {
    const HostileTree tree;
    folder(tree.in("real"));
    test::write(tree.in("real/secret"), "the zone's own");
    link("../host", tree.in("evil"));
    const pid_t attacker = ::fork();
    if (attacker == 0) {
        while (true) {
            ::renameat2(AT_FDCWD, tree.in("real").c_str(), AT_FDCWD, tree.in("evil").c_str(), RENAME_EXCHANGE);
        }
    }
    int found = 0;
    for (int i = 0; i < 20000; ++i) {
        try {
            if (const auto text = tree.read("real/../real/secret")) {
                REQUIRE(*text == "the zone's own");
                ++found;
            }
        } catch (const sys::Error& error) {
            // the many renames may exhaust the retries
            REQUIRE(error.code() == EAGAIN);
        }
    }
    ::kill(attacker, SIGKILL);
    ::waitpid(attacker, nullptr, 0);
    CHECK(found > 0);
    tree.hostIsUntouched();
}

TEST_CASE("a file of the host is read to its limit", "[file]") {
    const TestFolder base;
    test::write(base / "file", "content");
    CHECK(sys::readFile(base / "file") == "content");
    CHECK(sys::readFile(base / "file", 7) == "content");
    CHECK(errorCode([&] { static_cast<void>(sys::readFile(base / "file", 6)); }) == EFBIG);
    CHECK_FALSE(sys::readFile(base / "absent"));
    CHECK(sys::readFile("/proc/self/stat"));
    CHECK(errorCode([&] { static_cast<void>(sys::readFile(base.path())); }) == ENXIO);
    REQUIRE(::mkfifo((base / "fifo").c_str(), 0600) == 0);
    CHECK(errorCode([&] { static_cast<void>(sys::readFile(base / "fifo")); }) == ENXIO);
}

TEST_CASE("replacing a file of the host gives the new content, the mode and no leftovers", "[file]") {
    const TestFolder base;
    const auto replace = GENERATE(&sys::replaceFile, &sys::replaceVolatileFile);
    test::write(base / "target", "untouched");
    link("target", base / "file");
    replace(base / "file", "one", 0600);
    CHECK(test::read(base / "file") == "one");
    CHECK(test::read(base / "target") == "untouched");
    CHECK(test::modeOf(base / "file") == 0600);
    replace(base / "file", std::string(300000, 't'), 0644);
    CHECK(test::read(base / "file").size() == 300000);
    CHECK(test::modeOf(base / "file") == 0644);
    CHECK(errorCode([&] { replace(base / "absent/file", "x", 0600); }) == ENOENT);
    folder(base / "folder");
    CHECK(errorCode([&] { replace(base / "folder", "x", 0600); }) == EISDIR);
    CHECK(sys::listDirectory(base.path()) == std::vector<std::string>{"file", "folder", "target"});
}

TEST_CASE("a failed replacement keeps the old content", "[file]") {
    const TestFolder base;
    test::write(base / "file", "old");
    const pid_t child = ::fork();
    if (child == 0) {
        const rlimit small{100, 100};
        ::setrlimit(RLIMIT_FSIZE, &small);
        ::signal(SIGXFSZ, SIG_IGN);
        const int code = errorCode([&] { sys::replaceFile(base / "file", std::string(1000, 'x')); });
        ::_exit(code == EFBIG ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
    CHECK(test::read(base / "file") == "old");
    CHECK(sys::listDirectory(base.path()) == std::vector<std::string>{"file"});
}

TEST_CASE("removing a file says whether there was one", "[file]") {
    const TestFolder base;
    test::write(base / "file", "");
    CHECK(sys::removeFile(base / "file"));
    CHECK_FALSE(sys::removeFile(base / "file"));
    CHECK_FALSE(sys::removeFile(base / "absent/file"));
    folder(base / "folder");
    CHECK(errorCode([&] { sys::removeFile(base / "folder"); }) == EISDIR);
}

TEST_CASE("folders of the host are made with their parents and mode", "[file]") {
    const TestFolder base;
    const mode_t old = ::umask(0077);
    sys::makeDirectories(base / "a/b//c/", 0711);
    ::umask(old);
    CHECK(test::modeOf(base / "a") == 0711);
    CHECK(test::modeOf(base / "a/b/c") == 0711);
    sys::makeDirectories(base / "a/b", 0700);
    CHECK(test::modeOf(base / "a/b") == 0711);
    test::write(base / "file", "");
    CHECK(errorCode([&] { sys::makeDirectories(base / "file/sub"); }) == ENOTDIR);
}

TEST_CASE("existence and listings", "[file]") {
    const TestFolder base;
    test::write(base / "b", "");
    test::write(base / ".a", "");
    link("nowhere", base / "c");
    CHECK(sys::listDirectory(base.path()) == std::vector<std::string>{".a", "b", "c"});
    CHECK(sys::listDirectory(base / "absent").empty());
    CHECK(errorCode([&] { static_cast<void>(sys::listDirectory(base / "b")); }) == ENOTDIR);
    CHECK(sys::exists(base / "b"));
    CHECK_FALSE(sys::exists(base / "c"));
    CHECK_FALSE(sys::exists(base / "b/deeper"));
}

TEST_CASE("a kernel file is written with its error told", "[file]") {
    try {
        sys::writeKernelFile("/proc/self/oom_score_adj", "nonsense");
        FAIL("the kernel took nonsense");
    } catch (const sys::Error& error) {
        CHECK(error.code() == EINVAL);
        CHECK_THAT(error.action(), ContainsSubstring("nonsense") && ContainsSubstring("oom_score_adj"));
    }
    CHECK(errorCode([] { sys::writeKernelFile("/proc/self/absent", "1"); }) == ENOENT);
}

TEST_CASE("descriptor flags are set and cleared", "[file]") {
    const UniqueFd file = sys::open("/dev/null", O_RDONLY);
    CHECK((::fcntl(file.get(), F_GETFD) & FD_CLOEXEC) != 0);
    sys::setCloseOnExec(file.get(), false);
    CHECK((::fcntl(file.get(), F_GETFD) & FD_CLOEXEC) == 0);
    sys::setNonBlocking(file.get());
    CHECK((::fcntl(file.get(), F_GETFL) & O_NONBLOCK) != 0);
    sys::setNonBlocking(file.get(), false);
    CHECK((::fcntl(file.get(), F_GETFL) & O_NONBLOCK) == 0);
}
