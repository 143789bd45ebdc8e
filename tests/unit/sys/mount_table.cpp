#include "sys/mount_table.hpp"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

using namespace zoned;

namespace {

const sys::MountEntry* find(const std::vector<sys::MountEntry>& entries, const std::string& target) {
    const auto found = std::find_if(entries.rbegin(), entries.rend(),
                                    [&](const sys::MountEntry& entry) { return entry.target == target; });
    return found == entries.rend() ? nullptr : &*found;
}

} // namespace

TEST_CASE("the mount table names /proc and its parent", "[mount_table]") {
    const auto entries = sys::mounts();
    const auto* proc = find(entries, "/proc");
    REQUIRE(proc != nullptr);
    CHECK(proc->fsType == "proc");
    CHECK(proc->root == "/");
    CHECK(proc->id > 0);
    CHECK(std::any_of(entries.begin(), entries.end(), [&](const auto& entry) { return entry.id == proc->parent; }));
    CHECK(sys::mounts(::getpid()).size() == entries.size());
}

TEST_CASE("the mount table of a process that does not exist is an error", "[mount_table]") {
    CHECK_THROWS_AS(sys::mounts(0x3ffffffe), sys::Error);
}

TEST_CASE("the cgroup tree found is a cgroup v2 tree", "[mount_table]") {
    CHECK(sys::exists(sys::cgroup2Mount() + "/cgroup.controllers"));
}

TEST_CASE("mount points are told from plain folders", "[mount_table]") {
    const test::TestFolder folder;
    CHECK(sys::isMountPoint("/proc"));
    CHECK_FALSE(sys::isMountPoint(folder.path()));
    CHECK_FALSE(sys::isMountPoint(folder / "absent"));
    REQUIRE(::symlink("/proc", (folder / "link").c_str()) == 0);
    CHECK_FALSE(sys::isMountPoint(folder / "link"));
}

TEST_CASE("mounts with odd names, bind mounts and mounted files are seen", "[mount_table]") {
    if (!test::ownMounts()) {
        WARN("needs root");
        return;
    }
    const test::TestFolder folder;
    const std::string odd = folder / "with space\nand\tmore\\";
    REQUIRE(::mkdir(odd.c_str(), 0755) == 0);
    REQUIRE(::mount("odd source", odd.c_str(), "tmpfs", 0, nullptr) == 0);
    test::write(odd + "/file", "");
    test::write(folder / "file", "");
    REQUIRE(::mount((odd + "/file").c_str(), (folder / "file").c_str(), nullptr, MS_BIND, nullptr) == 0);
    const auto entries = sys::mounts();
    const auto* entry = find(entries, odd);
    REQUIRE(entry != nullptr);
    CHECK(entry->fsType == "tmpfs");
    CHECK(entry->source == "odd source");
    const auto* file = find(entries, folder / "file");
    REQUIRE(file != nullptr);
    CHECK(file->root == "/file");
    CHECK(sys::isMountPoint(odd));
    CHECK(sys::isMountPoint(folder / "file"));
    ::umount2((folder / "file").c_str(), MNT_DETACH);
    ::umount2(odd.c_str(), MNT_DETACH);
    CHECK_FALSE(sys::isMountPoint(odd));
}
