// Runs a piece of a test in a child process, for what cannot be undone (filters, capabilities).
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <exception>

#include "sys/error.hpp"

namespace zoned::test {

inline constexpr int childThrew = 251;
inline constexpr int childWasKilled = 252;

/// What `action` returned in the child (0...250), childThrew, or childWasKilled by a signal.
template <typename Action>
int inChild(Action action) {
    const pid_t child = sys::check(fork(), "starting a test's child");
    if (child == 0) {
        try {
            _exit(action());
        } catch (const std::exception&) {
            _exit(childThrew);
        }
    }
    int status = 0;
    sys::check(waitpid(child, &status, 0), "waiting for a test's child");
    return WIFEXITED(status) ? WEXITSTATUS(status) : childWasKilled;
}

} // namespace zoned::test
