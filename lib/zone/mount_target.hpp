// Where in a zone nothing of the host may be mounted, by name here and by what a path leads to when it is opened.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace zoned::zone {

/// Whether `path` is `folder` or lies below it; both absolute and plain.
constexpr bool isWithin(std::string_view path, std::string_view folder) {
    return folder == "/" ||
           (path.substr(0, folder.size()) == folder && (path.size() == folder.size() || path[folder.size()] == '/'));
}

/// The folder of those that are made anew in every zone, by the kernel or by us, that `path` is or lies in. A mount
/// there would weaken the isolation, or stand in for what the zone's init is told.
constexpr std::optional<std::string_view> keptFolder(std::string_view path) {
    for (const std::string_view folder : {"/proc", "/sys", "/dev", "/run/host"}) {
        if (isWithin(path, folder)) {
            return folder;
        }
    }
    return std::nullopt;
}

} // namespace zoned::zone
