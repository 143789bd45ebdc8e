// Somebody to ask for a password where no desktop does: polkit's own agent for
// terminals, pkttyagent(1), which runs beside zonectl for as long as calls may
// need it, as systemctl(1) and machinectl(1) have it.
//
// It talks to the terminal itself, and only when polkit wants a password. An
// agent that is there already, a desktop's, goes first (--fallback).
#pragma once

#include "sys/process.hpp"

namespace zoned::ctl {

class PasswordAgent {
public:
    /// Starts it and waits until polkit knows it. Where it is not installed, or this process may not use the terminal,
    /// none is started: polkit then finds nobody to ask.
    PasswordAgent();
    /// Ends it.
    ~PasswordAgent();
    PasswordAgent(const PasswordAgent&) = delete;
    PasswordAgent& operator=(const PasswordAgent&) = delete;

private:
    sys::Child child_;
};

} // namespace zoned::ctl
