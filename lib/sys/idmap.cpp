#include "sys/idmap.hpp"

#include <sched.h>
#include <unistd.h>

#include <csignal>

#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/namespaces.hpp"
#include "sys/process.hpp"

namespace zoned::sys {

void writeIdMaps(pid_t pid, std::uint32_t base) {
    const std::string map = join("0 ", base, " ", idBlockSize);
    writeKernelFile(join("/proc/", pid, "/uid_map"), map);
    writeKernelFile(join("/proc/", pid, "/gid_map"), map);
}

UniqueFd makeUserNamespace(std::uint32_t base) {
    const Child holder = cloneProcess({.flags = CLONE_NEWUSER, .owner = base}, [] {
        ::pause();
        return 0;
    });
    UniqueFd userns;
    try {
        writeIdMaps(holder.pid, base);
        userns = userNamespaceOf(holder.pid);
    } catch (...) {
        signalProcess(holder.pidfd.get(), SIGKILL);
        waitForChild(holder.pid);
        throw;
    }
    signalProcess(holder.pidfd.get(), SIGKILL);
    waitForChild(holder.pid);
    return userns;
}

} // namespace zoned::sys
