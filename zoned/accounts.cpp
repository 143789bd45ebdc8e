#include "accounts.hpp"

#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

#include "sys/error.hpp"
#include "sys/file.hpp"
#include "zone/admin.hpp"

namespace zoned::daemon {
namespace {

// How long a user who was deleted, and whose number another one got, could still be taken for himself.
constexpr std::chrono::seconds memory{30};
// Names of definitions that are gone stay behind otherwise.
constexpr std::size_t maxRemembered = 4096;

constexpr std::size_t firstBuffer = 4096;
constexpr std::size_t largestBuffer = 16U << 20U; // a group with very many members

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

std::optional<uid_t> findUser(const std::string& nameOrNumber) {
    const auto number = zone::accountNumber(nameOrNumber);
    passwd entry{};
    const bool found = lookUp(entry, [&](passwd* into, char* buffer, std::size_t size, passwd** result) {
        return number ? getpwuid_r(*number, into, buffer, size, result)
                      : getpwnam_r(nameOrNumber.c_str(), into, buffer, size, result);
    });
    return found ? std::optional(entry.pw_uid) : std::nullopt;
}

std::optional<gid_t> findGroup(const std::string& nameOrNumber) {
    const auto number = zone::accountNumber(nameOrNumber);
    group entry{};
    const bool found = lookUp(entry, [&](group* into, char* buffer, std::size_t size, group** result) {
        return number ? getgrgid_r(*number, into, buffer, size, result)
                      : getgrnam_r(nameOrNumber.c_str(), into, buffer, size, result);
    });
    return found ? std::optional(entry.gr_gid) : std::nullopt;
}

std::string describeUser(uid_t uid) {
    const std::string number = std::to_string(uid);
    std::string text;
    try {
        text = sys::readFile("/etc/passwd", largestBuffer).value_or("");
    } catch (const sys::Error&) {
        // the number will do
    }
    const std::unique_ptr<FILE, int (*)(FILE*)> file(fmemopen(text.data(), text.size(), "r"), std::fclose);
    std::vector<char> buffer(firstBuffer);
    passwd entry{};
    passwd* found = nullptr;
    // ends at a line that is too long for a user's, too
    while (file && fgetpwent_r(file.get(), &entry, buffer.data(), buffer.size(), &found) == 0) {
        if (found->pw_uid == uid) {
            return found->pw_name + (" (" + number + ")");
        }
    }
    return number;
}

std::optional<id_t> Accounts::remembered(std::map<std::string, Known>& known, const std::string& name, Find find) {
    const auto now = std::chrono::steady_clock::now();
    if (const auto found = known.find(name); found != known.end() && now - found->second.since < memory) {
        return found->second.id;
    }
    if (known.size() >= maxRemembered) {
        known.clear();
    }
    const std::optional<id_t> id = find(name);
    known[name] = {id, now};
    return id;
}

std::optional<uid_t> Accounts::user(const std::string& nameOrNumber) {
    return remembered(users_, nameOrNumber, findUser);
}

std::optional<gid_t> Accounts::group(const std::string& nameOrNumber) {
    return remembered(groups_, nameOrNumber, findGroup);
}

} // namespace zoned::daemon
