#include "platform/init_kind.hpp"

#include <fcntl.h>

#include <array>
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

zone::InitKind kindOf(int root, const std::string& path) {
    const std::string link = sys::readLinkBeneath(root, path).value_or("");
    if (link.find("systemd") != std::string::npos) {
        return zone::InitKind::systemd;
    }
    if (link.find("busybox") != std::string::npos) {
        return zone::InitKind::busybox;
    }
    if (link.find("openrc-init") != std::string::npos) {
        return zone::InitKind::openrc;
    }
    if (present(root, "etc/inittab")) {
        // OpenRC as Debian ships it runs below sysvinit's init
        return present(root, "sbin/openrc") || present(root, "usr/sbin/openrc") ? zone::InitKind::openrc
                                                                                : zone::InitKind::sysvinit;
    }
    return zone::InitKind::custom;
}

} // namespace

FoundInit findInit(int root) {
    constexpr std::array<const char*, 3> places{"/sbin/init", "/etc/init", "/bin/init"};
    for (const char* place : places) {
        if (present(root, place)) {
            return {kindOf(root, place), place};
        }
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
