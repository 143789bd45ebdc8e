// Signals as a descriptor: while one of these lives, SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP and
// SIGWINCH are read here instead of ending the program, so that every way out unwinds.
#pragma once

#include <csignal>
#include <optional>

#include "sys/unique_fd.hpp"

namespace zoned::ctl {

class Signals {
public:
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    /// The next waiting signal's number; nothing where none waits.
    [[nodiscard]] std::optional<int> take();

private:
    sigset_t before_{};
    sys::UniqueFd fd_;
};

} // namespace zoned::ctl
