// Where in an unpacked archive the root file system lies.
//
// Most archives are a root file system from their top. Images of Incus, LXD and LXC bring it
// in `rootfs`, beside metadata, Incus' backups in `backup/container/rootfs`; Arch's bootstrap
// brings it in `root.x86_64`. And people
// import what looks like an image and is none: the layers that `docker save` writes, a disk
// image in a tar. Those never boot, so they are refused by what they are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sys/unique_fd.hpp"

namespace zoned::worker {

struct RootLayout {
    std::string folder;              // from the archive's top; "" where the top is the root
    std::vector<std::string> beside; // what else lies there and on the way, shown as text
};

/// Throws Failure badArchive with what it is instead, and what to do.
[[nodiscard]] RootLayout findRoot(int top);
/// The root's folder; never by way of a link.
[[nodiscard]] sys::UniqueFd openRoot(int top, const RootLayout& layout);
/// Names that are such, with one '/' between them: what comes out of the sandbox is looked at.
[[nodiscard]] bool isPlainPath(std::string_view path);
[[nodiscard]] bool isPlainName(std::string_view name);

/// The program that a boot takes where the definition names none.
struct InitProgram {
    bool found = false;
    std::string machine; // the one that it is for, where that is not this one: "aarch64", "machine 243"
};
[[nodiscard]] InitProgram lookAtInit(int root);
/// The machine that a program is for by its first bytes, where this one cannot run it; "" also where it is no ELF file.
[[nodiscard]] std::string foreignMachine(std::string_view program);

} // namespace zoned::worker
