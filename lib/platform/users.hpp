// Users of a zone, read from its own /etc/passwd and /etc/group: hostile files.
// The host's name service is never asked about a zone's users.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace zoned::platform {

struct User {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups; // beside gid
    std::string home = "/";
    std::string shell = "/bin/sh";
};

/// The user with that name or number ("1000", "1000:100"). `root` needs no entry, so that a zone with a broken
/// /etc/passwd can be entered. Throws sys::Error where there is none, or where its ids are outside the zone's.
[[nodiscard]] User findUser(int root, const std::string& who);

} // namespace zoned::platform
