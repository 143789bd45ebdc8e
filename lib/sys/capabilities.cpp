#include "sys/capabilities.hpp"

#include <linux/capability.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include <initializer_list>
#include <memory>

#include "sys/error.hpp"

namespace zoned::sys {

namespace {

constexpr std::uint64_t bits(std::initializer_list<int> capabilities) {
    std::uint64_t set = 0;
    for (const int capability : capabilities) {
        set |= std::uint64_t{1} << capability;
    }
    return set;
}

/// systemd-nspawn's default set (its manual page, --capability=) plus NET_ADMIN, which a zone with its own network
/// stack needs. What is not listed stays away, also what a later kernel invents.
constexpr std::uint64_t zoneSet = bits({
    CAP_AUDIT_CONTROL, CAP_AUDIT_WRITE,      CAP_CHOWN,          CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER,
    CAP_FSETID,        CAP_IPC_OWNER,        CAP_KILL,           CAP_LEASE,        CAP_LINUX_IMMUTABLE, CAP_MKNOD,
    CAP_NET_ADMIN,     CAP_NET_BIND_SERVICE, CAP_NET_BROADCAST,  CAP_NET_RAW,      CAP_SETFCAP,         CAP_SETGID,
    CAP_SETPCAP,       CAP_SETUID,           CAP_SYS_ADMIN,      CAP_SYS_BOOT,     CAP_SYS_CHROOT,      CAP_SYS_NICE,
    CAP_SYS_PTRACE,    CAP_SYS_RESOURCE,     CAP_SYS_TTY_CONFIG,
});

/// Without a user namespace these reach the host: its processes' memory, any of its files by handle, its device
/// nodes, its limits.
constexpr std::uint64_t refusedPrivileged = bits({CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_MKNOD, CAP_SYS_RESOURCE});

struct FreeCapabilities {
    void operator()(cap_t capabilities) const noexcept { cap_free(capabilities); }
};
using Capabilities = std::unique_ptr<std::remove_pointer_t<cap_t>, FreeCapabilities>;

} // namespace

std::uint64_t zoneCapabilities(bool privileged) {
    return privileged ? zoneSet & ~refusedPrivileged : zoneSet;
}

void dropBoundingSet(std::uint64_t keep) {
    const Capabilities own(cap_get_proc());
    if (!own) {
        throwErrno("reading the own capabilities");
    }
    check(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L), "clearing the ambient capabilities");
    // cap_max_bits() would need /proc, which may not be mounted yet; the kernel says EINVAL behind its last one.
    // The bounding set goes first: taking from it needs CAP_SETPCAP, which may itself be among those to go.
    for (int capability = 0; capability < 64; ++capability) {
        const int present = prctl(PR_CAPBSET_READ, static_cast<unsigned long>(capability), 0L, 0L, 0L);
        if (present < 0) {
            break;
        }
        if (((keep >> capability) & 1U) != 0) {
            continue;
        }
        const auto number = static_cast<unsigned int>(capability);
        if (present != 0) {
            check(prctl(PR_CAPBSET_DROP, static_cast<unsigned long>(capability), 0L, 0L, 0L), "taking ",
                  capabilityName(number), " from the bounding set");
        }
        for (const cap_flag_t set : {CAP_EFFECTIVE, CAP_PERMITTED, CAP_INHERITABLE}) {
            const cap_value_t value = capability;
            check(cap_set_flag(own.get(), set, 1, &value, CAP_CLEAR), "dropping ", capabilityName(number));
        }
    }
    check(cap_set_proc(own.get()), "dropping capabilities");
}

std::string capabilityName(unsigned int capability) {
    const std::unique_ptr<char, decltype(&cap_free)> name(cap_to_name(static_cast<cap_value_t>(capability)), &cap_free);
    return name ? name.get() : std::to_string(capability);
}

} // namespace zoned::sys
