// What is kept of a zone's past: what it wrote to its console (by its supervisor:
// platform/console.hpp), and what the service did with it (by the service's log:
// log.hpp). Each is a file in /var/log/zoned and, once that was full, one before.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "host.hpp"
#include "sys/unique_fd.hpp"
#include "zone/zone_name.hpp"

namespace zoned::daemon {

/// The files of a log, oldest first, to be read; none where nothing was written yet.
/// @param source "console" or "service"; throws zone::Fault invalidArgument at another.
[[nodiscard]] std::vector<sys::UniqueFd> openZoneLog(const Host& host, const zone::ZoneName& name,
                                                     const std::string& source);

/// Appends a line with the time to a service log; one of 256 KiB becomes PATH.1. A full disk costs the line only.
void appendServiceLog(const std::string& path, std::string_view text) noexcept;

} // namespace zoned::daemon
