#include "platform/users.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>

#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/idmap.hpp"

namespace zoned::platform {

namespace {

constexpr std::size_t largestDatabase = 1 << 20;
constexpr std::size_t mostGroups = 1024;

std::optional<id_t> number(const std::string& text) {
    id_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = fault == std::errc() && end == text.data() + text.size() && !text.empty();
    return whole && value < sys::idBlockSize ? std::optional(value) : std::nullopt;
}

std::vector<std::string> split(const std::string& line, char separator) {
    std::vector<std::string> fields;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream, field, separator);) {
        fields.push_back(field);
    }
    return fields;
}

/// An entry of passwd(5) whose name, or whose uid, is `who`. Entries with unusable ids do not count.
std::optional<User> fromPasswd(const std::string& passwd, const std::string& who) {
    std::istringstream lines(passwd);
    for (std::string line; std::getline(lines, line);) {
        const std::vector<std::string> fields = split(line + ":", ':');
        if (fields.size() < 7 || fields[0].empty() || (fields[0] != who && fields[2] != who)) {
            continue;
        }
        const auto uid = number(fields[2]);
        const auto gid = number(fields[3]);
        if (!uid || !gid) {
            throw sys::Error("entering as " + who + ": its ids in the zone's /etc/passwd are not 0 to 65535", 0);
        }
        User user;
        user.name = fields[0];
        user.uid = *uid;
        user.gid = *gid;
        user.home = fields[5].empty() ? "/" : fields[5];
        user.shell = fields[6].empty() ? "/bin/sh" : fields[6];
        return user;
    }
    return std::nullopt;
}

void addGroups(const std::string& groups, User& user) {
    std::istringstream lines(groups);
    for (std::string line; std::getline(lines, line) && user.groups.size() < mostGroups;) {
        const std::vector<std::string> fields = split(line, ':');
        if (fields.size() < 4) {
            continue;
        }
        const std::vector<std::string> members = split(fields[3], ',');
        const auto gid = number(fields[2]);
        if (gid && std::find(members.begin(), members.end(), user.name) != members.end()) {
            user.groups.push_back(*gid);
        }
    }
}

std::optional<User> fromNumbers(const std::string& who) {
    const std::vector<std::string> fields = split(who + ":", ':'); // an empty last field counts
    if (fields.empty() || fields.size() > 2) {
        return std::nullopt;
    }
    const auto uid = number(fields[0]);
    const auto gid = fields.size() == 2 ? number(fields[1]) : uid;
    if (!uid || !gid) {
        return std::nullopt;
    }
    User user;
    user.name = fields[0];
    user.uid = *uid;
    user.gid = *gid;
    return user;
}

User lookUp(int root, const std::string& who) {
    const std::string passwd = sys::readBeneath(root, "etc/passwd", largestDatabase).value_or("");
    auto user = fromPasswd(passwd, who);
    if (!user) {
        user = fromNumbers(who);
    }
    if (!user) {
        throw sys::Error("entering as " + who + ": the zone's /etc/passwd has no such user", 0);
    }
    addGroups(sys::readBeneath(root, "etc/group", largestDatabase).value_or(""), *user);
    return *user;
}

} // namespace

bool meansRoot(const std::string& who) {
    return who == "root" || who == "0" || who == "0:0";
}

User plainRoot() {
    return {"root", 0, 0, {}, "/root", "/bin/sh"};
}

User findUser(int root, const std::string& who) {
    if (!meansRoot(who)) {
        return lookUp(root, who);
    }
    try {
        User user = lookUp(root, who);
        if (user.uid == 0) {
            return user;
        }
    } catch (const sys::Error&) {
        // too large, a pipe, a link to nowhere: root has its usual home and shell then
    }
    return plainRoot();
}

} // namespace zoned::platform
