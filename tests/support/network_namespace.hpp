// Network namespaces for tests of links and firewalls: the host's own network is never touched.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>

#include "support/catch.hpp"
#include "sys/error.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::test {

/// Says on standard error why the rest of a test is left out; Catch2 2 has no SKIP.
inline bool mayMakeNamespaces() {
    if (geteuid() == 0) {
        return true;
    }
    std::fputs("skipped: needs root for a network namespace of its own\n", stderr);
    return false;
}

inline sys::UniqueFd ownNamespace() {
    return sys::UniqueFd(
        sys::check(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "opening the network namespace"));
}

/// The test runs in another namespace, its own or a given one, while this lives.
class InNamespace {
public:
    InNamespace() : home_(ownNamespace()) { sys::check(unshare(CLONE_NEWNET), "making a network namespace"); }
    explicit InNamespace(int netns) : home_(ownNamespace()) {
        sys::check(setns(netns, CLONE_NEWNET), "entering a network namespace");
    }
    InNamespace(const InNamespace&) = delete;
    InNamespace& operator=(const InNamespace&) = delete;
    ~InNamespace() {
        if (setns(home_.get(), CLONE_NEWNET) != 0) {
            std::terminate();
        }
    }

private:
    sys::UniqueFd home_;
};

/// An empty namespace, beside the present one.
inline sys::UniqueFd newNamespace() {
    const InNamespace inside;
    return ownNamespace();
}

} // namespace zoned::test
