// Images on disk: /var/lib/zoned/images/NAME/{rootfs,image.json}.
//
// An image appears by rename of a complete folder, so that a half-made one is
// never seen; what an interrupted import left is a folder with a leading dot,
// which `sweep` removes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "zone/zone_name.hpp"

namespace zoned::store {

struct ImageInfo {
    std::string name;
    std::string id;          // 32 hex digits, new for each import
    std::string origin;      // "bookworm from mmdebstrap", "busybox.tar"
    std::string osName;      // PRETTY_NAME of /etc/os-release, cleaned of control characters; "" where none
    std::uint64_t bytes = 0; // data of its files, without holes
    std::uint64_t files = 0;
    std::int64_t created = 0;       // seconds since 1970
    std::vector<std::string> notes; // what was left out, and the like; none in images of earlier versions
};

class Images {
public:
    explicit Images(std::string folder);

    [[nodiscard]] std::vector<ImageInfo> list() const;
    [[nodiscard]] std::optional<ImageInfo> find(const zone::ZoneName& name) const;
    [[nodiscard]] std::string rootfs(const zone::ZoneName& name) const;
    /// What is told of it, "IMAGES/NAME/image.json".
    [[nodiscard]] std::string infoPath(const zone::ZoneName& name) const;
    [[nodiscard]] bool exists(const zone::ZoneName& name) const;
    /// A fresh folder to unpack into, FOLDER/.new-NAME-XXXXXX, with an empty rootfs (0755) inside.
    [[nodiscard]] std::string makeStaging(const zone::ZoneName& name) const;
    /// Writes image.json into the staging folder and renames it into place. Fault nameTaken where one exists.
    void publish(const std::string& staging, const ImageInfo& info) const;
    /// Takes the image out of sight at once (rename to .gone-NAME-XXXXXX) and returns that folder, for a worker to remove.
    [[nodiscard]] std::string retire(const zone::ZoneName& name) const;
    /// Folders that interrupted work left: .new-* and .gone-*.
    [[nodiscard]] std::vector<std::string> leftovers() const;

private:
    std::string folder_;
};

} // namespace zoned::store
