#include "platform/init_kind.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <csignal>

#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::platform {

namespace {

bool present(int root, const std::string& path) {
    try {
        (void)sys::openBeneath(root, path, O_PATH, sys::FileType::regular);
        return true;
    } catch (const sys::Error&) {
        return false;
    }
}

/// The name of the file that a path leads to in the end.
std::string fileName(int file) {
    std::array<char, PATH_MAX> target{};
    const auto length = ::readlink(sys::join("/proc/self/fd/", file).c_str(), target.data(), target.size());
    const std::string path(target.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
    return path.substr(path.rfind('/') + 1);
}

/// OpenRC as Debian ships it runs below sysvinit's init.
zone::InitKind sysvinitOrOpenrc(int root) {
    const bool openrc = present(root, "sbin/openrc") || present(root, "usr/sbin/openrc");
    return openrc ? zone::InitKind::openrc : zone::InitKind::sysvinit;
}

/// By a text that each of these programs has in it, whatever the file's name is (a copy, a hard link).
zone::InitKind kindByContent(int root, const std::string& program) {
    if (program.starts_with("#!")) {
        return zone::InitKind::custom;
    }
    if (program.find("libsystemd-core-") != std::string::npos) {
        return zone::InitKind::systemd;
    }
    if (program.find("BusyBox v") != std::string::npos) {
        return zone::InitKind::busybox;
    }
    if (program.find("librc.so") != std::string::npos) {
        return zone::InitKind::openrc;
    }
    // by a file that no other of the known programs reads; and what is unknown is that one where the file is there
    if (program.find("/etc/inittab") != std::string::npos || present(root, "etc/inittab")) {
        return sysvinitOrOpenrc(root);
    }
    return zone::InitKind::custom;
}

/// BusyBox is what its argument zero says; without a path, its first argument.
bool isInitApplet(const std::vector<std::string>& argv) {
    std::string applet = argv.front().substr(argv.front().rfind('/') + 1);
    if (applet.starts_with("busybox") && argv.size() > 1) {
        applet = argv[1];
    }
    return applet == "init" || applet == "linuxrc";
}

zone::InitKind kindOf(int root, const std::vector<std::string>& argv) {
    constexpr std::size_t largestProgram = 8UL << 20; // a static BusyBox has 2 MiB
    zone::InitKind kind = zone::InitKind::custom;
    try {
        const sys::UniqueFd file = sys::openBeneath(root, argv.front(), O_RDONLY, sys::FileType::regular);
        const std::string name = fileName(file.get());
        if (name == "systemd") {
            kind = zone::InitKind::systemd;
        } else if (name == "busybox") {
            kind = zone::InitKind::busybox;
        } else if (name == "openrc-init") {
            kind = zone::InitKind::openrc;
        } else {
            kind = kindByContent(root, sys::readAll(file.get(), argv.front(), largestProgram));
        }
    } catch (const sys::Error&) {
        return kind; // that it cannot be executed is told when it is
    }
    return kind == zone::InitKind::busybox && !isInitApplet(argv) ? zone::InitKind::custom : kind;
}

struct Place {
    const char* path;
    zone::InitKind kind; // automatic: any
    const char* argument;
};

/// The kernel's own search (init/main.c), then where an init is that has no link from there.
constexpr std::array<Place, 7> places{
    {{"/sbin/init", zone::InitKind::automatic, "/sbin/init"},
     {"/etc/init", zone::InitKind::automatic, "/etc/init"},
     {"/bin/init", zone::InitKind::automatic, "/bin/init"},
     {"/usr/lib/systemd/systemd", zone::InitKind::systemd, "/usr/lib/systemd/systemd"},
     {"/lib/systemd/systemd", zone::InitKind::systemd, "/lib/systemd/systemd"},
     {"/sbin/openrc-init", zone::InitKind::openrc, "/sbin/openrc-init"},
     {"/bin/busybox", zone::InitKind::busybox, "init"}}};

/// The first that is there, and with `wanted` is of that kind.
std::optional<FoundInit> firstInit(int root, zone::InitKind wanted) {
    for (const Place& place : places) {
        // a BusyBox is in many images that have no init: it is one where the definition says so
        const bool meant = wanted == place.kind || place.kind != zone::InitKind::busybox;
        if (!meant || !present(root, place.path)) {
            continue;
        }
        const zone::InitKind kind = place.kind == zone::InitKind::automatic ? kindOf(root, {place.path}) : place.kind;
        if (wanted == zone::InitKind::automatic || kind == wanted) {
            return FoundInit{kind, place.path, {place.argument}};
        }
    }
    return std::nullopt;
}

} // namespace

FoundInit findInit(int root, zone::InitKind wanted, const std::vector<std::string>& argv) {
    if (wanted == zone::InitKind::custom) {
        return {kindOf(root, argv), argv.at(0), argv};
    }
    if (auto found = firstInit(root, wanted)) {
        return *found;
    }
    if (auto found = firstInit(root, zone::InitKind::automatic); found && found->kind == zone::InitKind::custom) {
        found->kind = wanted; // a wrapper around it, or one that we cannot tell
        return *found;
    }
    if (wanted != zone::InitKind::automatic) {
        throw sys::Error(sys::join("looking for an init in the zone: the image has no ", zone::initKindName(wanted),
                                   ", which the definition's key init names"),
                         ENOENT);
    }
    throw sys::Error("looking for an init in the zone: the image has no /sbin/init; install one in it or name a "
                     "program with the key init",
                     ENOENT);
}

StopRequest stopRequest(zone::InitKind kind) {
    switch (kind) {
    case zone::InitKind::systemd:
        return {SIGRTMIN + 4, {}}; // systemd(1), SIGNALS: starts poweroff.target
    case zone::InitKind::busybox:
        return {SIGUSR2, {}}; // busybox init: power off
    case zone::InitKind::sysvinit:
    case zone::InitKind::openrc:
        return {0, {"/sbin/poweroff"}}; // takes no signal for it
    case zone::InitKind::automatic:
    case zone::InitKind::custom:
        break;
    }
    return {SIGTERM, {}};
}

bool saysReady(zone::InitKind kind) noexcept {
    return kind == zone::InitKind::systemd;
}

} // namespace zoned::platform
