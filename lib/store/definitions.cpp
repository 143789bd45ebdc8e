#include "store/definitions.hpp"

#include <algorithm>
#include <system_error>

#include "store/yaml_tree.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "zone/fault.hpp"

namespace zoned::store {

namespace {
constexpr std::string_view suffix = ".yaml";

/// Without the path, which the problem names.
std::string whyUnread(const sys::Error& fault) {
    switch (fault.code()) {
    case EFBIG:
        return "is larger than 64 KiB";
    case ENXIO: // of another type; also what open(2) says of a socket
        return "is no regular file";
    case 0:
        return "cannot be read: " + fault.action();
    default:
        return "cannot be read: " + std::generic_category().message(fault.code());
    }
}
} // namespace

Definitions::Definitions(std::string folder) : folder_(std::move(folder)) {}

std::vector<zone::ZoneName> Definitions::names() const {
    std::vector<zone::ZoneName> result;
    for (const std::string& file : sys::listDirectory(folder_)) {
        const std::string_view view = file;
        if (view.size() <= suffix.size() || view.substr(view.size() - suffix.size()) != suffix) {
            continue;
        }
        const std::string_view name = view.substr(0, view.size() - suffix.size());
        if (!zone::ZoneName::problem(name)) {
            result.emplace_back(name);
        }
    }
    // "a-b.yaml" sorts before "a.yaml", the name "a" before "a-b".
    std::sort(result.begin(), result.end());
    return result;
}

std::optional<std::string> Definitions::text(const zone::ZoneName& name) const {
    try {
        return sys::readFile(path(name), yaml::maxBytes);
    } catch (const sys::Error& fault) {
        // A file too large, a folder, a device: that zone's definition is invalid, the others go on.
        throw zone::DefinitionFault({{path(name), 0, "", whyUnread(fault)}});
    }
}

void Definitions::put(const zone::ZoneName& name, const std::string& text) {
    sys::makeDirectories(folder_, 0700);
    sys::replaceFile(path(name), text, 0600);
}

void Definitions::remove(const zone::ZoneName& name) {
    sys::removeFile(path(name));
}

std::string Definitions::path(const zone::ZoneName& name) const {
    return folder_ + "/" + name.str() + std::string(suffix);
}

} // namespace zoned::store
