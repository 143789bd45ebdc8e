// The system calls a zone may make, compiled by libseccomp.
//
// The daemon compiles the list once and hands the bytes to the supervisors,
// which load them without libseccomp (seccomp_load.hpp).
#pragma once

#include <string>

namespace zoned::sys {

/// The raw bytes of an array of sock_filter. Filters the native architecture and its 32-bit one; calls of any other,
/// and x32 calls, fail with ENOSYS.
[[nodiscard]] std::string compileZoneFilter();

} // namespace zoned::sys
