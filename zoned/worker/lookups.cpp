#include "lookups.hpp"

#include <grp.h>
#include <pwd.h>

#include <cerrno>

#include "sys/file.hpp"
#include "zone/admin.hpp"

namespace zoned::worker {
namespace {

constexpr std::size_t firstBuffer = 4096;
constexpr std::size_t largestBuffer = 16U << 20U; // a group with very many members

constexpr std::string_view userPrefix = "user:";
constexpr std::string_view groupPrefix = "group:";

/// A call of the getpwnam_r family, with a buffer that is large enough.
template <typename Entry, typename Call>
bool lookUp(Entry& entry, Call call) {
    for (std::size_t size = firstBuffer; size <= largestBuffer; size *= 4) {
        std::vector<char> buffer(size);
        Entry* found = nullptr;
        if (call(&entry, buffer.data(), buffer.size(), &found) != ERANGE) {
            return found != nullptr;
        }
    }
    return false;
}

} // namespace

std::map<std::string, std::int64_t> findPaths(const std::vector<std::string>& paths) {
    std::map<std::string, std::int64_t> found;
    for (const std::string& path : paths) {
        if (sys::exists(path)) {
            found[path] = 1;
        }
    }
    return found;
}

std::optional<std::uint32_t> findUser(const std::string& nameOrNumber) {
    const auto number = zone::accountNumber(nameOrNumber);
    passwd entry{};
    const bool found = lookUp(entry, [&](passwd* into, char* buffer, std::size_t size, passwd** result) {
        return number ? getpwuid_r(*number, into, buffer, size, result)
                      : getpwnam_r(nameOrNumber.c_str(), into, buffer, size, result);
    });
    return found ? std::optional(entry.pw_uid) : std::nullopt;
}

std::optional<std::uint32_t> findGroup(const std::string& nameOrNumber) {
    const auto number = zone::accountNumber(nameOrNumber);
    group entry{};
    const bool found = lookUp(entry, [&](group* into, char* buffer, std::size_t size, group** result) {
        return number ? getgrgid_r(*number, into, buffer, size, result)
                      : getgrnam_r(nameOrNumber.c_str(), into, buffer, size, result);
    });
    return found ? std::optional(entry.gr_gid) : std::nullopt;
}

std::map<std::string, std::int64_t> findAccounts(const std::vector<std::string>& accounts) {
    std::map<std::string, std::int64_t> found;
    for (const std::string& account : accounts) {
        std::optional<std::uint32_t> number;
        if (account.starts_with(userPrefix)) {
            number = findUser(account.substr(userPrefix.size()));
        } else if (account.starts_with(groupPrefix)) {
            number = findGroup(account.substr(groupPrefix.size()));
        }
        if (number) {
            found[account] = *number;
        }
    }
    return found;
}

} // namespace zoned::worker
