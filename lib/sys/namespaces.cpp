#include "sys/namespaces.hpp"

#include <fcntl.h>
#include <sched.h>

#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::sys {

UniqueFd networkNamespaceOf(pid_t pid) {
    return open(join("/proc/", pid, "/ns/net"), O_RDONLY);
}

UniqueFd userNamespaceOf(pid_t pid) {
    return open(join("/proc/", pid, "/ns/user"), O_RDONLY);
}

void enterNamespaces(int pidfd, int flags) {
    check(::setns(pidfd, flags), "entering the zone's namespaces");
}

} // namespace zoned::sys
