#include "api/object_path.hpp"

namespace zoned::api {
namespace {

/// As sd_bus_path_encode(3): everything but ASCII letters and (not leading) digits becomes '_' and two hex digits.
/// Ours, because that function's header is the only thing of libsystemd that this library would need.
std::string label(std::string_view name) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string text;
    for (const char c : name) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool digit = c >= '0' && c <= '9';
        if (letter || (digit && !text.empty())) {
            text += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        text += '_';
        text += hex[byte >> 4U];
        text += hex[byte & 0xFU];
    }
    return text.empty() ? "_" : text;
}

/// -1 where it is none.
int hexDigit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

} // namespace

std::string zonePath(std::string_view name) {
    return std::string(zoneFolder) + "/" + label(name);
}
std::string imagePath(std::string_view name) {
    return std::string(imageFolder) + "/" + label(name);
}
std::string jobPath(std::uint32_t id) {
    return std::string(jobFolder) + "/" + std::to_string(id);
}

std::string nameInPath(std::string_view path, std::string_view folder) {
    const std::string start = "/org/zoned1/" + std::string(folder) + "/";
    if (!path.starts_with(start)) {
        return "";
    }
    path.remove_prefix(start.size());
    std::string name;
    while (!path.empty()) {
        const int high = path.size() > 2 && path[0] == '_' ? hexDigit(path[1]) : -1;
        const int low = high >= 0 ? hexDigit(path[2]) : -1;
        name += low >= 0 ? static_cast<char>(high * 16 + low) : path[0];
        path.remove_prefix(low >= 0 ? 3 : 1);
    }
    return name;
}

} // namespace zoned::api
