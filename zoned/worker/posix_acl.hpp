// Access control lists of POSIX.1e drafts, as archives bring them and as the kernel stores them.
//
// A list travels in one of two forms: as text (tar --acls, bsdtar), which may name
// users and groups as the packing host knew them, or as the kernel's own bytes (tar
// --xattrs). Whichever it was, the mode of the entry says the mask where it says the
// group: taking the mode without the list would give the group all that the mask allows.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace zoned::worker {

struct AclEntry {
    std::uint16_t tag = 0; // ACL_USER_OBJ … of <linux/posix_acl.h>
    std::uint16_t perm = 0;
    std::int64_t id = -1; // of ACL_USER and ACL_GROUP; -1 where only the name is known
    std::string name;

    bool operator==(const AclEntry&) const = default;
};

using Acl = std::vector<AclEntry>;

constexpr const char* accessAclName = "system.posix_acl_access";
constexpr const char* defaultAclName = "system.posix_acl_default";
/// More than anybody sets, and less than what a block of ext4 holds.
constexpr std::size_t maxAclEntries = 256;

/// Why the kernel would not take the list, or no zone has its ids; "" where it is good.
[[nodiscard]] std::string aclProblem(const Acl& acl);
/// Whether an entry is of a user or a group by name alone.
[[nodiscard]] bool hasNames(const Acl& acl);
/// What the list leaves to the group: the mode to set where the list itself cannot be, or not yet.
[[nodiscard]] mode_t withoutMask(mode_t mode, const Acl& acl);
/// The bytes of the extended attribute; every entry has its id.
[[nodiscard]] std::string encodeAcl(const Acl& acl);
/// Nothing but an empty list where the bytes are no list.
[[nodiscard]] Acl decodeAcl(std::string_view bytes);

/// The users or groups of an image by the text of its /etc/passwd or /etc/group, those with ids of a zone. Read once: an
/// archive may name as many as it likes.
using Ids = std::map<std::string, std::int64_t, std::less<>>;
[[nodiscard]] Ids idsOf(std::string_view accounts);

} // namespace zoned::worker
