// Where an archive's entry may land: names are checked before any of them meets the file system.
#pragma once

#include <string>
#include <string_view>

namespace zoned::worker {

/// A checked place beneath the root of an image: no "..", no empty part, no leading or trailing '/'.
struct EntryPath {
    std::string parent; // "" for the root itself
    std::string name;   // "" where the entry is the root

    [[nodiscard]] bool isRoot() const noexcept { return name.empty(); }
    [[nodiscard]] std::string full() const { return parent.empty() ? name : parent + "/" + name; }
};

/// PATH_MAX and NAME_MAX of <linux/limits.h> without their NUL.
constexpr std::size_t maxEntryPath = 4095;
constexpr std::size_t maxEntryName = 255;

/// Checks a name of an archive; a leading "./" is dropped. Throws Failure badArchive.
[[nodiscard]] EntryPath parseEntryPath(std::string_view raw);

} // namespace zoned::worker
