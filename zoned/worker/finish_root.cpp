#include "finish_root.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "failure.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "zone/own_secrets.hpp"

namespace zoned::worker {

namespace {

/// The folder of a path beneath the root; none where it is not there.
sys::UniqueFd folderOf(int root, const std::string& path) {
    try {
        const std::size_t slash = path.rfind('/');
        return sys::openBeneath(root, slash == std::string::npos ? "." : path.substr(0, slash), O_RDONLY,
                                sys::FileType::directory);
    } catch (const sys::Error&) {
        return {}; // what is not there, or leads out, holds nothing to forget
    }
}

std::string nameOf(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

bool isFile(int folder, const std::string& name) {
    struct stat info {};
    return ::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode);
}

bool hasFile(int root, const std::string& path) {
    const sys::UniqueFd folder = folderOf(root, path);
    return folder && isFile(folder.get(), nameOf(path));
}

/// A program may be there by a link.
bool hasProgram(int root, const std::string& path) {
    try {
        (void)sys::openBeneath(root, path, O_PATH, sys::FileType::regular);
        return true;
    } catch (const sys::Error&) {
        return false;
    }
}

/// Removes a regular file; false where there is none. A link is somebody's intent, and leads to what is treated itself.
bool forget(int root, const std::string& path) {
    const sys::UniqueFd folder = folderOf(root, path);
    if (!folder || !isFile(folder.get(), nameOf(path))) {
        return false;
    }
    sys::check(::unlinkat(folder.get(), nameOf(path).c_str(), 0), "removing the image's /", path);
    return true;
}

template <typename Choose>
void forgetIn(int root, const std::string& folder, Choose choose) {
    const sys::UniqueFd opened = folderOf(root, folder + "/x");
    if (!opened) {
        return;
    }
    for (const std::string& name : sys::listDirectoryAt(opened.get(), folder)) {
        if (choose(opened.get(), name)) {
            sys::check(::unlinkat(opened.get(), name.c_str(), 0), "removing the image's /", folder, "/",
                       printable(name));
        }
    }
}

/// ssl-cert's certificate is also found by a hash of its subject, which will be another.
void forgetSnakeoilHashes(int root) {
    forgetIn(root, "etc/ssl/certs", [](int folder, const std::string& name) {
        std::array<char, 64> target{};
        const ssize_t size = ::readlinkat(folder, name.c_str(), target.data(), target.size());
        return size > 0 && std::string_view(target.data(), static_cast<std::size_t>(size)) == "ssl-cert-snakeoil.pem";
    });
}

void forgetOwnSecrets(int root, Identity& identity) {
    for (const zone::OwnSecret& secret : zone::ownSecrets) {
        const auto forEachFile = [&](const auto& act) {
            bool any = false;
            for (const char* file : secret.files) {
                any = (file != nullptr && act(root, file)) || any;
            }
            return any;
        };
        if (!hasProgram(root, secret.command.front()) || !hasProgram(root, secret.usedBy)) {
            if (forEachFile(hasFile)) {
                identity.kept.emplace_back(secret.what);
            }
        } else if (forEachFile(forget)) {
            identity.removed.emplace_back(secret.what);
        }
    }
    if (!hasFile(root, "etc/ssl/certs/ssl-cert-snakeoil.pem")) {
        forgetSnakeoilHashes(root);
    }
}

/// What the programs that own it make again where it is missing.
void forgetRemade(int root, Identity& identity) {
    // the name and the name servers of the machine that the image was made on
    for (const char* path : {"etc/hostname", "etc/resolv.conf"}) {
        (void)forget(root, path);
    }
    bool ids = false;
    for (const char* path : {"var/lib/dbus/machine-id", "var/lib/dhcpcd/duid", "var/lib/dhcpcd/secret",
                             "etc/dhcpcd.duid", "etc/dhcpcd.secret", "var/lib/NetworkManager/secret_key"}) {
        ids = forget(root, path) || ids;
    }
    if (ids) {
        identity.removed.emplace_back("ids of dbus and the network");
    }
    // open-iscsi makes a name where it is told to, and does not start where the file is missing
    if (hasProgram(root, "usr/lib/open-iscsi/startup-checks.sh") && hasFile(root, "etc/iscsi/initiatorname.iscsi")) {
        sys::replaceBeneath(root, "etc/iscsi/initiatorname.iscsi", "GenerateName=yes\n", 0600);
        identity.removed.emplace_back("the name of the iSCSI initiator");
    }
    bool seeds = false;
    for (const char* path :
         {"var/lib/systemd/random-seed", "var/lib/urandom/random-seed", "var/lib/random-seed",
          "var/lib/misc/random-seed", "var/lib/seedrng/seed.credit", "var/lib/seedrng/seed.no-credit"}) {
        seeds = forget(root, path) || seeds;
    }
    if (seeds) {
        identity.removed.emplace_back("random seeds");
    }
    for (const char* folder : {"var/lib/dhcp", "var/lib/dhclient", "var/lib/dhcpcd", "var/lib/NetworkManager"}) {
        forgetIn(root, folder, [](int opened, const std::string& name) {
            return isFile(opened, name) && (name.ends_with(".lease") || name.ends_with(".leases") ||
                                            name.ends_with(".lease6") || name == "timestamps");
        });
    }
}

/// The key that the system encrypts credentials with is made at their first use, but what it has encrypted is lost
/// without it.
void forgetCredentialKey(int root, Identity& identity) {
    constexpr const char* key = "var/lib/systemd/credential.secret";
    const sys::UniqueFd store = folderOf(root, "etc/credstore.encrypted/x");
    if (store && !sys::listDirectoryAt(store.get(), "etc/credstore.encrypted").empty()) {
        if (hasFile(root, key)) {
            identity.kept.emplace_back("the key of its encrypted credentials");
        }
    } else if (forget(root, key)) {
        identity.removed.emplace_back("the key of systemd's credentials");
    }
}

/// What cloud-init has done is to be done in each zone, which is an instance of its own. What it is told (seed) stays.
void forgetInstance(int root, Identity& identity) {
    const sys::UniqueFd cloud = folderOf(root, "var/lib/cloud/x");
    if (!cloud) {
        return;
    }
    bool any = false;
    for (const char* name : {"instance", "instances", "data", "sem"}) {
        struct stat info {};
        if (::fstatat(cloud.get(), name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
            any = true;
            sys::removeTreeAt(cloud.get(), name);
        }
    }
    if (any) {
        identity.removed.emplace_back("cloud-init's instance");
    }
}

template <typename Visit>
void forEachLine(std::string_view text, Visit visit) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        visit(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

bool startsGettyOnTty(std::string_view line) {
    if (line.empty() || line.front() == '#' || line.find("getty") == std::string_view::npos) {
        return false;
    }
    const std::size_t tty = line.rfind("tty");
    return tty != std::string_view::npos && tty + 3 < line.size() && line[tty + 3] >= '0' && line[tty + 3] <= '9';
}

} // namespace

std::optional<InitKind> parseInitKind(std::string_view word) {
    if (word == "systemd") {
        return InitKind::systemd;
    }
    if (word == "sysvinit") {
        return InitKind::sysvinit;
    }
    if (word == "openrc") {
        return InitKind::openrc;
    }
    if (word == "none") {
        return InitKind::none;
    }
    return std::nullopt;
}

Identity forgetIdentity(int root) {
    Identity identity;
    if (hasFile(root, "etc/machine-id")) {
        sys::replaceBeneath(root, "etc/machine-id", "", 0444);
    }
    forgetRemade(root, identity);
    forgetOwnSecrets(root, identity);
    forgetCredentialKey(root, identity);
    forgetInstance(root, identity);
    return identity;
}

void forgetDefaultTimeZone(int root) {
    const std::optional<std::string> zone = sys::readLinkBeneath(root, "etc/localtime");
    if (!zone || !zone->ends_with("/zoneinfo/Etc/UTC")) {
        return;
    }
    const sys::UniqueFd etc = folderOf(root, "etc/localtime");
    sys::check(::unlinkat(etc.get(), "localtime", 0), "removing the image's /etc/localtime");
    (void)forget(root, "etc/timezone");
}

std::string withConsoleGetty(std::string_view inittab) {
    // as systemd's console-getty.service; the terminal at the other end is the viewer's own
    constexpr std::string_view getty =
        "co:2345:respawn:/sbin/getty --noclear --keep-baud console 115200,38400,9600 vt220";
    std::string text;
    bool written = false;
    const auto writeGetty = [&] {
        if (!written) {
            text += getty;
            text += '\n';
            written = true;
        }
    };
    forEachLine(inittab, [&](std::string_view line) {
        if (startsGettyOnTty(line)) {
            writeGetty();
        } else if (!line.starts_with("co:")) {
            text += line;
            text += '\n';
        }
    });
    writeGetty();
    return text;
}

void useConsoleGetty(int root) {
    constexpr std::size_t limit = 64 * 1024;
    const std::optional<std::string> inittab = sys::readBeneath(root, "etc/inittab", limit);
    if (!inittab) {
        throw Failure(FailureKind::failed, "the system that was built has no /etc/inittab to put a console into");
    }
    sys::replaceBeneath(root, "etc/inittab", withConsoleGetty(*inittab), 0644);
}

std::string prettyName(std::string_view osRelease) {
    constexpr std::string_view key = "PRETTY_NAME=";
    std::string name;
    forEachLine(osRelease, [&](std::string_view line) {
        if (!line.starts_with(key)) {
            return;
        }
        line.remove_prefix(key.size());
        name.clear();
        const char quote = !line.empty() && (line.front() == '"' || line.front() == '\'') ? line.front() : '\0';
        for (std::size_t i = quote != '\0' ? 1 : 0; i < line.size() && line[i] != quote; ++i) {
            if (line[i] == '\\' && quote != '\'' && i + 1 < line.size()) {
                ++i;
            }
            name += line[i];
        }
    });
    return printable(name);
}

std::string readOsName(int root) {
    constexpr std::size_t limit = 64 * 1024;
    for (const char* path : {"etc/os-release", "usr/lib/os-release"}) {
        try {
            if (const auto text = sys::readBeneath(root, path, limit)) {
                return prettyName(*text);
            }
        } catch (const sys::Error&) {
            // no regular file, too long, a loop of links: the image simply has no name
        }
    }
    return "";
}

} // namespace zoned::worker
