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

/// Whether that is root, whatever the zone's files say: "root", "0".
[[nodiscard]] bool meansRoot(const std::string& who);
/// Root with a usual home and shell, without a look at the zone's files.
[[nodiscard]] User plainRoot();
/// The user with that name or number ("1000", "1000:100"). Root needs no entry and is always 0: whatever a zone has
/// made of its /etc/passwd and /etc/group, they can keep the administrator out of nothing. Throws sys::Error where
/// there is no such user, or where its ids are outside the zone's.
[[nodiscard]] User findUser(int root, const std::string& who);

} // namespace zoned::platform
