#include "zone/admin_rules.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "zone/text_rules.hpp"

namespace zoned::zone {

namespace {

constexpr std::size_t maxAdmins = 64;
constexpr std::size_t maxAccountBytes = 256; // LOGIN_NAME_MAX of Linux

std::string adminKey(std::size_t index, std::string_view key) {
    return "admins[" + std::to_string(index) + "]" + (key.empty() ? "" : ".") + std::string(key);
}

/// Why the text cannot be the name of a user or group, whatever the host's accounts are kept in.
bool isAccountName(std::string_view text) {
    return text.size() <= maxAccountBytes && isUtf8(text) && !hasControlCharacter(text) &&
           text.find_first_of(":/ ") == std::string_view::npos;
}

void checkAdmin(const Admin& admin, std::size_t index, std::vector<Finding>& findings) {
    if (admin.user.empty() == admin.group.empty()) {
        findings.push_back({adminKey(index, ""), "names one user or one group, such as {user: alice, may: [login]}"});
        return;
    }
    const bool isUser = !admin.user.empty();
    if (!isAccountName(isUser ? admin.user : admin.group)) {
        findings.push_back({adminKey(index, isUser ? "user" : "group"),
                            std::string("is the name or the number of a ") + (isUser ? "user" : "group")});
    }
    if (admin.may.empty()) {
        findings.push_back({adminKey(index, "may"), "lists at least one of login, exec, console and manage"});
    }
    if (std::set<Right>(admin.may.begin(), admin.may.end()).size() != admin.may.size()) {
        findings.push_back({adminKey(index, "may"), "names the same twice"});
    }
}

} // namespace

void checkAdmins(const Definition& definition, const Surroundings&, std::vector<Finding>& findings) {
    if (definition.admins.size() > maxAdmins) {
        findings.push_back({"admins", "has at most 64 users and groups; make a group of them"});
    }
    std::set<std::pair<std::string, std::string>> seen;
    for (std::size_t i = 0; i < definition.admins.size(); ++i) {
        const Admin& admin = definition.admins[i];
        checkAdmin(admin, i, findings);
        if (!seen.emplace(admin.user, admin.group).second) {
            findings.push_back({adminKey(i, ""), "stands in the list already"});
        }
    }
}

void checkAccounts(const Definition& definition, const Surroundings& surroundings, std::vector<Finding>& findings) {
    const auto missing = [](const std::vector<std::string>& names, const std::string& name) {
        return !name.empty() && std::find(names.begin(), names.end(), name) != names.end();
    };
    for (std::size_t i = 0; i < definition.admins.size(); ++i) {
        const Admin& admin = definition.admins[i];
        if (missing(surroundings.missingUsers, admin.user)) {
            findings.push_back({adminKey(i, "user"), "there is no user '" + admin.user + "' on this host"});
        }
        if (missing(surroundings.missingGroups, admin.group)) {
            findings.push_back({adminKey(i, "group"), "there is no group '" + admin.group + "' on this host"});
        }
    }
}

} // namespace zoned::zone
