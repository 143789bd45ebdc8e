#include "sys/namespaces.hpp"

#include <fcntl.h>
#include <sched.h>

#include <cstdlib>

#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/mount.hpp"

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

PrivateMountNamespace::PrivateMountNamespace() : home_(open("/proc/self/ns/mnt", O_RDONLY)) {
    check(::unshare(CLONE_NEWNS), "making a mount namespace");
    makeMountsPrivate();
}

PrivateMountNamespace::~PrivateMountNamespace() {
    if (::setns(home_.get(), CLONE_NEWNS) < 0) {
        std::abort(); // every path would lead somewhere else from now on
    }
}

} // namespace zoned::sys
