// Puts a compiled seccomp filter on the calling thread.
#pragma once

#include <string_view>

namespace zoned::sys {

/// @param program an array of sock_filter (see seccomp.hpp). Needs CAP_SYS_ADMIN in the caller's user namespace:
/// no_new_privs is not set, since it would break sudo in the zone.
void loadFilter(std::string_view program);

} // namespace zoned::sys
