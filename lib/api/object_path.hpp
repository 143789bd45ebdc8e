// Where zones, images and jobs stand on the bus.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace zoned::api {

constexpr const char* busName = "org.zoned1";
constexpr const char* managerPath = "/org/zoned1";
constexpr const char* zoneFolder = "/org/zoned1/zone";
constexpr const char* imageFolder = "/org/zoned1/image";
constexpr const char* jobFolder = "/org/zoned1/job";

/// "/org/zoned1/zone/my_2dzone": '-' and a first digit are escaped as sd_bus_path_encode(3) does.
[[nodiscard]] std::string zonePath(std::string_view name);
[[nodiscard]] std::string imagePath(std::string_view name);
[[nodiscard]] std::string jobPath(std::uint32_t id);

/// The other way round: the name in a path of the folder ("zone", "image"); "" where the path is of another one.
[[nodiscard]] std::string nameInPath(std::string_view path, std::string_view folder);

} // namespace zoned::api
