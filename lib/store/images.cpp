// A folder without a readable image.json is no image: it is not listed and
// cannot be used. Nor is it swept, because it may be somebody's data whose
// description alone was damaged; its name stays taken until an administrator
// has looked at it.
#include "store/images.hpp"

#include <algorithm>

#include "store/folder.hpp"
#include "store/json_fields.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/undo.hpp"
#include "zone/fault.hpp"
#include "zone/text_rules.hpp"

namespace zoned::store {

namespace {

constexpr std::size_t maxInfoBytes = 64 * 1024;
constexpr std::string_view newPrefix = ".new-";
constexpr std::string_view gonePrefix = ".gone-";

std::optional<ImageInfo> fromJson(const std::string& text, const std::string& name) {
    const nlohmann::json object = json::parseObject(text);
    ImageInfo info;
    const bool whole = object.is_object() && json::get(object, "name", info.name) && json::get(object, "id", info.id) &&
                       json::get(object, "origin", info.origin) && json::get(object, "os", info.osName) &&
                       json::get(object, "bytes", info.bytes) && json::get(object, "files", info.files) &&
                       json::get(object, "created", info.created);
    if (!whole || info.name != name || !json::isHexId(info.id) || zone::hasControlCharacter(info.origin) ||
        zone::hasControlCharacter(info.osName)) {
        return std::nullopt;
    }
    if (object.contains("notes") &&
        (!json::get(object, "notes", info.notes) || std::ranges::any_of(info.notes, zone::hasControlCharacter))) {
        return std::nullopt;
    }
    return info;
}

std::string toJson(const ImageInfo& info) {
    return json::write({{"name", info.name},
                        {"id", info.id},
                        {"origin", info.origin},
                        {"os", info.osName},
                        {"bytes", info.bytes},
                        {"files", info.files},
                        {"created", info.created},
                        {"notes", info.notes}});
}

} // namespace

Images::Images(std::string folder) : folder_(std::move(folder)) {}

std::vector<ImageInfo> Images::list() const {
    std::vector<ImageInfo> result;
    for (const std::string& entry : sys::listDirectory(folder_)) {
        if (zone::ZoneName::problem(entry)) {
            continue;
        }
        if (auto info = find(zone::ZoneName(entry))) {
            result.push_back(std::move(*info));
        }
    }
    return result;
}

std::optional<ImageInfo> Images::find(const zone::ZoneName& name) const {
    try {
        const auto text = sys::readFile(infoPath(name), maxInfoBytes);
        return text ? fromJson(*text, name.str()) : std::nullopt;
    } catch (const sys::Error&) {
        return std::nullopt; // too large, a folder, a file in the image's place: damaged, as a text that is no JSON
    }
}

std::string Images::infoPath(const zone::ZoneName& name) const {
    return folder_ + "/" + name.str() + "/image.json";
}

std::string Images::rootfs(const zone::ZoneName& name) const {
    return folder_ + "/" + name.str() + "/rootfs";
}

bool Images::exists(const zone::ZoneName& name) const {
    return find(name).has_value();
}

std::string Images::makeStaging(const zone::ZoneName& name) const {
    sys::makeDirectories(folder_, 0700);
    // 0700 and so it stays: an image holds set-user-id programs, perhaps old ones, that no user
    // of the host may reach.
    const std::string staging = makeTemporaryFolder(folder_ + "/" + std::string(newPrefix) + name.str() + "-");
    sys::Undo undo([&] { sys::removeTree(staging); });
    makeFolder(staging + "/rootfs", 0755);
    undo.cancel();
    return staging;
}

void Images::publish(const std::string& staging, const ImageInfo& info) const {
    const zone::ZoneName name(info.name);
    sys::replaceFile(staging + "/image.json", toJson(info), 0644);
    const std::string path = folder_ + "/" + name.str();
    try {
        // Never replaces an image: its folder is not empty.
        renameDurably(staging, path, folder_);
    } catch (const sys::Error& fault) {
        if (fault.code() != EEXIST && fault.code() != ENOTEMPTY && fault.code() != ENOTDIR) {
            throw;
        }
        throw zone::Fault(zone::FaultKind::nameTaken,
                          exists(name) ? "there is an image " + name.str() + " already"
                                       : path + " is in the way and is no usable image: look at it and remove it");
    }
}

std::string Images::retire(const zone::ZoneName& name) const {
    try {
        return moveAside(folder_ + "/" + name.str(), folder_ + "/" + std::string(gonePrefix) + name.str() + "-");
    } catch (const sys::Error& fault) {
        if (fault.code() != ENOENT) {
            throw;
        }
        throw zone::Fault(zone::FaultKind::noSuchImage, "there is no image " + name.str());
    }
}

std::vector<std::string> Images::leftovers() const {
    std::vector<std::string> result;
    for (const std::string& entry : sys::listDirectory(folder_)) {
        if (entry.rfind(newPrefix, 0) == 0 || entry.rfind(gonePrefix, 0) == 0) {
            result.push_back(folder_ + "/" + entry);
        }
    }
    return result;
}

} // namespace zoned::store
