#include "finish_root.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failure.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::worker {

namespace {

/// /etc as a descriptor and whether a regular file of the name is in it; links at the last part do not count.
struct Found {
    sys::UniqueFd folder;
    bool regular = false;
};

Found findInEtc(int root, const char* name) {
    Found found;
    try {
        found.folder = sys::openBeneath(root, "etc", O_PATH, sys::FileType::directory);
    } catch (const sys::Error&) {
        return found; // an image without /etc has nothing to forget
    }
    struct stat info {};
    found.regular = ::fstatat(found.folder.get(), name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode);
    return found;
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

void forgetIdentity(int root) {
    if (findInEtc(root, "machine-id").regular) {
        sys::replaceBeneath(root, "etc/machine-id", "", 0444);
    }
    // the name and the name servers of the machine that the image was made on
    for (const char* name : {"hostname", "resolv.conf"}) {
        const Found file = findInEtc(root, name);
        if (file.regular) {
            sys::check(::unlinkat(file.folder.get(), name, 0), "removing the image's /etc/", name);
        }
    }
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
