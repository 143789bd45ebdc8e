// Archives are made with libarchive, unpacked into a folder and looked at. As root, like the worker's sandbox.
#include "unpack.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <functional>
#include <optional>
#include <vector>

#include "failure.hpp"
#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/file.hpp"

using namespace zoned;
using namespace zoned::worker;

namespace {

using Filter = int (*)(archive*);

/// A tar archive in memory.
class Tar {
public:
    explicit Tar(Filter filter = ::archive_write_add_filter_none)
        : file_(::memfd_create("tar", MFD_CLOEXEC)), writer_(::archive_write_new()) {
        std::setlocale(LC_CTYPE, "C.UTF-8");
        ::archive_write_set_format_pax(writer_);
        filter(writer_);
        ::archive_write_open_fd(writer_, file_.get());
    }
    ~Tar() { ::archive_write_free(writer_); }
    Tar(const Tar&) = delete;
    Tar& operator=(const Tar&) = delete;

    using Change = std::function<void(archive_entry*)>;

    Tar& add(const char* name, mode_t mode, const std::string& data = "", const Change& change = nullptr) {
        archive_entry* entry = ::archive_entry_new();
        ::archive_entry_set_pathname(entry, name);
        ::archive_entry_set_mode(entry, mode);
        ::archive_entry_set_mtime(entry, 1'000'000'000, 0);
        ::archive_entry_set_size(entry, static_cast<la_int64_t>(data.size()));
        if (change) {
            change(entry);
        }
        REQUIRE(::archive_write_header(writer_, entry) == ARCHIVE_OK);
        if (!data.empty()) {
            ::archive_write_data(writer_, data.data(), data.size());
        }
        ::archive_entry_free(entry);
        return *this;
    }
    Tar& folder(const char* name) { return add(name, S_IFDIR | 0755); }
    Tar& file(const char* name, const std::string& data = "x") { return add(name, S_IFREG | 0644, data); }
    Tar& link(const char* name, const char* target) {
        return add(name, S_IFLNK | 0777, "", [&](archive_entry* entry) { ::archive_entry_set_symlink(entry, target); });
    }
    Tar& hardlink(const char* name, const char* target) {
        return add(name, S_IFREG | 0644, "",
                   [&](archive_entry* entry) { ::archive_entry_set_hardlink(entry, target); });
    }

    /// The descriptor, at its start; `cut` bytes of it where given.
    int done(std::optional<off_t> cut = std::nullopt) {
        ::archive_write_close(writer_);
        if (cut) {
            REQUIRE(::ftruncate(file_.get(), *cut) == 0);
        }
        ::lseek(file_.get(), 0, SEEK_SET);
        return file_.get();
    }

private:
    sys::UniqueFd file_;
    archive* writer_;
};

struct Target {
    test::TestFolder folder;
    sys::UniqueFd root = sys::open(folder.path(), O_RDONLY | O_DIRECTORY);

    Unpacked take(int input, Budget budget = {1 << 20, 1000}) {
        return unpack(input, root.get(), budget, [](std::uint64_t, const std::string&) {});
    }
    std::string refusal(int input, Budget budget = {1 << 20, 1000}) {
        try {
            take(input, budget);
        } catch (const Failure& failure) {
            CHECK(name(failure.kind()) == "badArchive");
            return failure.what();
        }
        return "nothing was refused";
    }
    struct stat stat(const std::string& path) const {
        struct stat info {};
        REQUIRE(::fstatat(root.get(), path.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0);
        return info;
    }
};

} // namespace

TEST_CASE("owners, modes, times and links land as the archive says") {
    Target target;
    Tar tar;
    tar.folder("./").folder("./usr").file("./usr/a", "hello").hardlink("./usr/b", "./usr/a").link("./bin", "usr");
    tar.add("./usr/suid", S_IFREG | 04755, "x", [](archive_entry* entry) {
        ::archive_entry_set_uid(entry, 65535);
        ::archive_entry_set_gid(entry, 42);
    });
    tar.add("./usr/spool", S_IFDIR | 02775, "", [](archive_entry* entry) { ::archive_entry_set_gid(entry, 8); });
    tar.file("./usr/spool/deep/in/it");
    const Unpacked unpacked = target.take(tar.done());

    CHECK(unpacked.bytes == 7);
    CHECK(unpacked.files == 9);
    CHECK(test::read(target.folder / "usr/a") == "hello");
    CHECK(target.stat("usr/a").st_ino == target.stat("usr/b").st_ino);
    CHECK(target.stat("usr/suid").st_uid == 65535);
    CHECK(target.stat("usr/suid").st_gid == 42);
    CHECK(test::modeOf(target.folder / "usr/suid") == 04755);
    CHECK(test::modeOf(target.folder / "usr/spool") == 02775);
    CHECK(test::modeOf(target.folder / "usr/spool/deep") == 0755);
    CHECK(target.stat("usr/spool/deep").st_gid == 0);
    CHECK(target.stat("usr").st_mtim.tv_sec == 1'000'000'000);
    CHECK(target.stat("bin").st_mtim.tv_sec == 1'000'000'000);
    CHECK(S_ISLNK(target.stat("bin").st_mode));
}

TEST_CASE("each compression that is offered is read") {
    for (const Filter filter :
         {::archive_write_add_filter_gzip, ::archive_write_add_filter_xz, ::archive_write_add_filter_zstd}) {
        Target target;
        Tar tar(filter);
        CHECK(target.take(tar.folder("etc").file("etc/\xc3\xa4").done()).files == 2);
        CHECK(test::present(target.folder / "etc/\xc3\xa4"));
    }
    Target target;
    Tar tar(::archive_write_add_filter_bzip2);
    CHECK_THAT(target.refusal(tar.folder("etc").done()), StartsWith("this is no tar archive"));
}

TEST_CASE("device nodes are left out, FIFOs are kept") {
    Target target;
    Tar tar;
    tar.folder("dev").add("dev/sda", S_IFBLK | 0660).add("dev/null", S_IFCHR | 0666).add("dev/fifo", S_IFIFO | 0600);
    tar.add("rootfs/dev/null", S_IFCHR | 0666).add("srv/sda", S_IFBLK | 0660).add("srv/x/dev/y", S_IFCHR | 0666);
    CHECK(target.take(tar.done()).stripped == 2); // each zone has a /dev of its own
    CHECK_FALSE(test::present(target.folder / "dev/sda"));
    CHECK_FALSE(test::present(target.folder / "dev/null"));
    CHECK(S_ISFIFO(target.stat("dev/fifo").st_mode));
}

TEST_CASE("an entry below a link that the archive made is refused, and nothing is written there") {
    Target target;
    test::TestFolder outside;
    Tar tar;
    tar.folder("etc").link("etc/out", outside.path().c_str()).file("etc/out/victim");
    CHECK(target.refusal(tar.done()) ==
          "the archive's entry 'etc/out/victim' lies below a symbolic link that leads out of the archive");
    CHECK_FALSE(test::present(outside / "victim"));
}

TEST_CASE("an entry below a link that stays inside lands where the link leads") {
    Target target;
    Tar tar;
    tar.folder("usr").folder("usr/lib").link("lib", "usr/lib").file("lib/a", "one").link("usr/up", "../lib");
    tar.file("usr/up/deep/b", "two").hardlink("c", "usr/up/a");
    // the link becomes a folder: what comes later is in that one, and not where the link led
    tar.folder("lib").file("lib/d", "three");
    const Unpacked unpacked = target.take(tar.done());
    CHECK(test::read(target.folder / "usr/lib/a") == "one");
    CHECK(test::read(target.folder / "usr/lib/deep/b") == "two");
    CHECK(target.stat("c").st_ino == target.stat("usr/lib/a").st_ino);
    CHECK(test::read(target.folder / "lib/d") == "three");
    CHECK_FALSE(test::present(target.folder / "usr/lib/d"));
    CHECK(unpacked.bytes == 11);
}

TEST_CASE("links that lead nowhere, in a circle or out have nothing below them") {
    for (const char* there : {"nowhere", "a", "/", "..", "usr/../..", "/proc/self/root"}) {
        INFO(there);
        Target target;
        Tar tar;
        tar.folder("usr").link("a", there).file("a/x");
        CHECK_THAT(target.refusal(tar.done()), StartsWith("the archive's entry 'a/x' lies below "));
    }
}

TEST_CASE("a later entry replaces an earlier one, and nothing that it leads to") {
    test::TestFolder outside;
    test::write(outside / "victim", "kept");
    const std::string victim = outside / "victim";
    struct Case {
        const char* what;
        mode_t type;
        std::function<void(Tar&)> make;
    };
    for (const Case& it :
         {Case{"link to folder", S_IFDIR, [&](Tar& tar) { tar.link("a", victim.c_str()).folder("a"); }},
          Case{"link to file", S_IFREG, [&](Tar& tar) { tar.link("a", victim.c_str()).file("a", "new"); }},
          Case{"link to link", S_IFLNK, [&](Tar& tar) { tar.link("a", victim.c_str()).link("a", "x"); }},
          Case{"link to FIFO", S_IFIFO, [&](Tar& tar) { tar.link("a", victim.c_str()).add("a", S_IFIFO | 0600); }},
          Case{"file to link", S_IFLNK, [](Tar& tar) { tar.file("a").link("a", "/"); }},
          Case{"file to folder", S_IFDIR, [](Tar& tar) { tar.file("a").folder("a"); }}}) {
        INFO(it.what);
        Target target;
        Tar tar;
        tar.folder("etc");
        it.make(tar);
        CHECK(target.take(tar.done()).files == 2);
        CHECK((target.stat("a").st_mode & S_IFMT) == it.type);
        CHECK(test::read(victim) == "kept");
    }
}

TEST_CASE("a folder is never replaced") {
    for (const auto& make :
         std::vector<std::function<void(Tar&)>>{[](Tar& tar) { tar.link("a", "/"); }, [](Tar& tar) { tar.file("a"); },
                                                [](Tar& tar) { tar.hardlink("a", "b"); }}) {
        Target target;
        Tar tar;
        tar.folder("a").file("b");
        make(tar);
        CHECK(target.refusal(tar.done()) == "the archive's entry 'a' replaces a folder");
    }
}

TEST_CASE("access lists are set, and the group has no more than they say") {
    using Tags = std::pair<int, int>; // tag, permissions
    const auto list = [](archive_entry* entry, int type, const char* user, int id) {
        for (const auto& [tag, permissions] :
             {Tags{ARCHIVE_ENTRY_ACL_USER_OBJ, 6}, Tags{ARCHIVE_ENTRY_ACL_GROUP_OBJ, 0},
              Tags{ARCHIVE_ENTRY_ACL_MASK, 6}, Tags{ARCHIVE_ENTRY_ACL_OTHER, 0}}) {
            ::archive_entry_acl_add_entry(entry, type, permissions, tag, -1, nullptr);
        }
        ::archive_entry_acl_add_entry(entry, type, 4, ARCHIVE_ENTRY_ACL_USER, id, user);
    };
    Target target;
    Tar tar;
    tar.folder("etc").add("etc/a", S_IFREG | 0660, "x",
                          [&](archive_entry* entry) { list(entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, nullptr, 7); });
    tar.add("shared", S_IFDIR | 0755, "",
            [&](archive_entry* entry) { list(entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, nullptr, 7); });
    tar.file("shared/inside");
    const Unpacked unpacked = target.take(tar.done());
    const auto read = [&](const char* file, const char* name) {
        std::string bytes(1000, '\0');
        const ssize_t size = ::getxattr((target.folder / file).c_str(), name, bytes.data(), bytes.size());
        bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
        return decodeAcl(bytes);
    };
    if (unpacked.leftOut.count() > 0) { // the file system has none: then the mode has to do
        CHECK(test::modeOf(target.folder / "etc/a") == 0600);
        return;
    }
    const Acl acl = read("etc/a", accessAclName);
    REQUIRE(acl.size() == 5);
    CHECK(acl[1] == AclEntry{ACL_USER, 4, 7, ""});
    CHECK(acl[2].perm == 0);
    CHECK(read("shared", defaultAclName).size() == 5);
    CHECK(read("shared/inside", accessAclName).empty());
}

TEST_CASE("a file that comes twice is the later one, counted once") {
    Target target;
    Tar tar;
    const Unpacked unpacked = target.take(tar.folder("etc").file("etc/a", "early").file("etc/a", "late").done());
    CHECK(test::read(target.folder / "etc/a") == "late");
    CHECK(unpacked.bytes == 4);
    CHECK(unpacked.files == 2);
}

TEST_CASE("hard links lead to earlier entries of the archive only") {
    for (const char* there : {"later", "/etc/passwd", "../x", "dir", "out/passwd"}) {
        INFO(there);
        Target target;
        Tar tar;
        tar.folder("dir").link("out", "/etc").hardlink("link", there).file("later");
        CHECK(target.refusal(tar.done()) != "nothing was refused");
        CHECK_FALSE(test::present(target.folder / "link"));
    }
}

TEST_CASE("ids that a zone does not have are refused") {
    for (const la_int64_t id : {la_int64_t{65536}, la_int64_t{1} << 32}) {
        Target target;
        Tar tar;
        tar.folder("etc").add("etc/a", S_IFREG | 0644, "x",
                              [&](archive_entry* entry) { ::archive_entry_set_gid(entry, id); });
        CHECK_THAT(target.refusal(tar.done()), ContainsSubstring("belongs to group"));
    }
}

TEST_CASE("what is not kept is counted, on links, FIFOs and the root as well") {
    const auto labelled = [](archive_entry* entry) {
        ::archive_entry_xattr_add_entry(entry, "security.selinux", "y", 1);
        ::archive_entry_set_symlink(entry, "x");
    };
    const auto noted = [](archive_entry* entry) { ::archive_entry_xattr_add_entry(entry, "user.note", "y", 1); };
    Target target;
    Tar tar;
    tar.add("./", S_IFDIR | 0755, "", noted).add("./etc", S_IFDIR | 0755, "", noted);
    tar.add("./etc/link", S_IFLNK | 0777, "", labelled).add("./etc/fifo", S_IFIFO | 0600, "", noted);
    const Unpacked unpacked = target.take(tar.done());
    CHECK(unpacked.leftOut.count() == 3);
    CHECK(unpacked.leftOut.names() == "security.selinux, user.note");
}

TEST_CASE("notes of users that the file system has no room for are left out, and counted") {
    Target target;
    Tar tar;
    tar.folder("etc").add("etc/a", S_IFREG | 0644, "x", [](archive_entry* entry) {
        const std::string value(30'000, 'x');
        ::archive_entry_xattr_add_entry(entry, "user.large", value.data(), value.size());
        ::archive_entry_xattr_add_entry(entry, "user.small", "y", 1);
    });
    const Unpacked unpacked = target.take(tar.done());
    const bool kept = ::getxattr((target.folder / "etc/a").c_str(), "user.large", nullptr, 0) == 30'000;
    CHECK(unpacked.leftOut.names().empty() == kept); // as large as the file system of the tests lets it be
    CHECK(test::read(target.folder / "etc/a") == "x");
}

TEST_CASE("attributes that overlayfs obeys are refused, those of users kept, labels dropped") {
    const auto with = [](Target& target, const char* attribute) {
        Tar tar;
        tar.folder("etc").add("etc/a", S_IFREG | 0644, "x",
                              [&](archive_entry* entry) { ::archive_entry_xattr_add_entry(entry, attribute, "y", 1); });
        return target.refusal(tar.done());
    };
    Target target;
    CHECK_THAT(with(target, "trusted.overlay.redirect"), ContainsSubstring("'trusted.overlay.redirect'"));
    Target second;
    CHECK_THAT(with(second, "user.overlay.opaque"), ContainsSubstring("'user.overlay.opaque'"));
    Target third;
    CHECK(with(third, "security.selinux") == "nothing was refused");
    CHECK(::getxattr((third.folder / "etc/a").c_str(), "security.selinux", nullptr, 0) < 0);
}

TEST_CASE("budgets of bytes and entries hold") {
    Target target;
    Tar tar;
    CHECK_THAT(target.refusal(
                   tar.folder("etc").file("etc/a", std::string(600, 'a')).file("etc/b", std::string(600, 'b')).done(),
                   {1000, 100}),
               ContainsSubstring("larger than the 1000 bytes"));
    Target second;
    Tar many;
    CHECK_THAT(second.refusal(many.folder("a").folder("b").folder("c").done(), {1000, 2}),
               ContainsSubstring("'c' is one too many"));
}

TEST_CASE("an archive cut anywhere before its end is refused") {
    const auto make = [](Tar& tar) { tar.folder("etc").file("etc/a", std::string(3000, 'a')).file("etc/b"); };
    constexpr off_t dataEnd = 512 + 512 + 3072 + 512 + 512;
    for (off_t cut = 0; cut <= dataEnd; cut += 256) {
        INFO("cut at " << cut);
        Target target;
        Tar tar;
        make(tar);
        CHECK(target.refusal(tar.done(cut)) != "nothing was refused");
    }
}

TEST_CASE("a sparse end of a file keeps its size") {
    Target target;
    Tar tar;
    tar.folder("etc").add("etc/sparse", S_IFREG | 0644, std::string(4096, 'd'), [](archive_entry* entry) {
        ::archive_entry_set_size(entry, 65536);
        ::archive_entry_sparse_add_entry(entry, 0, 4096);
        ::archive_entry_sparse_add_entry(entry, 65536, 0);
    });
    CHECK(target.take(tar.done(), {4096, 10}).bytes == 4096);
    CHECK(target.stat("etc/sparse").st_size == 65536);
}
