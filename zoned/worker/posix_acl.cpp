#include "posix_acl.hpp"

#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "sys/error.hpp"

namespace zoned::worker {

namespace {

bool isNamed(const AclEntry& entry) {
    return entry.tag == ACL_USER || entry.tag == ACL_GROUP;
}

std::size_t count(const Acl& acl, std::uint16_t tag) {
    return static_cast<std::size_t>(std::ranges::count(acl, tag, &AclEntry::tag));
}

/// The archive's bytes are little-endian, as the kernel's are on every machine.
std::uint32_t littleEndian(std::string_view bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) {
        value = value << 8 | static_cast<unsigned char>(bytes[i]);
    }
    return value;
}

void append(std::string& bytes, std::uint32_t value, int size) {
    for (int i = 0; i < size; ++i) {
        bytes += static_cast<char>(value >> (8 * i) & 0xFF);
    }
}

} // namespace

std::string aclProblem(const Acl& acl) {
    if (acl.size() > maxAclEntries) {
        return sys::join("of more than ", maxAclEntries, " entries");
    }
    constexpr std::array<std::uint16_t, 6> known = {ACL_USER_OBJ, ACL_USER, ACL_GROUP_OBJ,
                                                    ACL_GROUP,    ACL_MASK, ACL_OTHER};
    bool named = false;
    for (const AclEntry& entry : acl) {
        if (std::ranges::find(known, entry.tag) == known.end() || entry.perm > 7) {
            return "with an entry that does not exist";
        }
        if (isNamed(entry)) {
            named = true;
            if (entry.id > 65535 || entry.id < -1 || (entry.id == -1 && entry.name.empty())) {
                return sys::join("for the id ", entry.id, "; a zone has 0 to 65535");
            }
        }
    }
    if (count(acl, ACL_USER_OBJ) != 1 || count(acl, ACL_GROUP_OBJ) != 1 || count(acl, ACL_OTHER) != 1 ||
        count(acl, ACL_MASK) > 1 || (named && count(acl, ACL_MASK) == 0)) {
        return "that is not whole";
    }
    return "";
}

bool hasNames(const Acl& acl) {
    return std::ranges::any_of(acl, [](const AclEntry& entry) { return isNamed(entry) && entry.id < 0; });
}

mode_t withoutMask(mode_t mode, const Acl& acl) {
    const auto group = std::ranges::find(acl, ACL_GROUP_OBJ, &AclEntry::tag);
    if (group == acl.end()) {
        return mode;
    }
    const auto mask = std::ranges::find(acl, ACL_MASK, &AclEntry::tag);
    const mode_t granted = group->perm & (mask == acl.end() ? 07U : mask->perm);
    return (mode & ~070U) | granted << 3U;
}

std::string encodeAcl(const Acl& acl) {
    Acl ordered = acl;
    std::ranges::stable_sort(ordered, {}, &AclEntry::tag); // whose order is the one that the kernel wants
    std::string bytes;
    append(bytes, POSIX_ACL_XATTR_VERSION, 4);
    for (const AclEntry& entry : ordered) {
        append(bytes, entry.tag, 2);
        append(bytes, entry.perm, 2);
        append(bytes, isNamed(entry) ? static_cast<std::uint32_t>(entry.id) : ~0U, 4);
    }
    return bytes;
}

Acl decodeAcl(std::string_view bytes) {
    constexpr std::size_t header = sizeof(posix_acl_xattr_header);
    constexpr std::size_t size = sizeof(posix_acl_xattr_entry);
    if (bytes.size() < header || (bytes.size() - header) % size != 0 ||
        littleEndian(bytes.substr(0, 4)) != POSIX_ACL_XATTR_VERSION) {
        return {};
    }
    Acl acl;
    for (bytes.remove_prefix(header); !bytes.empty(); bytes.remove_prefix(size)) {
        AclEntry entry;
        entry.tag = static_cast<std::uint16_t>(littleEndian(bytes.substr(0, 2)));
        entry.perm = static_cast<std::uint16_t>(littleEndian(bytes.substr(2, 2)));
        entry.id = isNamed(entry) ? static_cast<std::int64_t>(littleEndian(bytes.substr(4, 4))) : -1;
        acl.push_back(std::move(entry));
    }
    return acl;
}

Ids idsOf(std::string_view accounts) {
    Ids ids;
    while (!accounts.empty()) {
        const std::size_t end = std::min(accounts.find('\n'), accounts.size());
        std::string_view line = accounts.substr(0, end);
        accounts.remove_prefix(std::min(end + 1, accounts.size()));
        // name:password:id:…
        const std::string_view name = line.substr(0, line.find(':'));
        for (int field = 0; field < 2; ++field) {
            const std::size_t colon = line.find(':');
            line.remove_prefix(colon == std::string_view::npos ? line.size() : colon + 1);
        }
        std::uint32_t id = 0;
        const char* last = line.data() + std::min(line.find(':'), line.size());
        const auto [stop, fault] = std::from_chars(line.data(), last, id);
        if (!name.empty() && fault == std::errc() && stop == last && id <= 65535) {
            ids.emplace(name, id); // the first counts, as with getpwnam(3)
        }
    }
    return ids;
}

} // namespace zoned::worker
