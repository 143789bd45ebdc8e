// Pseudo-terminals of a zone's own devpts.
#pragma once

#include <cstdint>

#include "sys/unique_fd.hpp"

namespace zoned::sys {

struct Pty {
    UniqueFd master;
    UniqueFd slave;
};

/// A new terminal of the devpts mounted at dev/pts beneath `root`. The slave is opened through the master
/// (TIOCGPTPEER), not by its name, and the master is checked to be on a devpts: the zone may have put
/// anything there.
[[nodiscard]] Pty openPty(int root);
/// Another slave end of the master's terminal.
[[nodiscard]] UniqueFd openPtySlave(int master);
/// The number N of /dev/pts/N.
[[nodiscard]] unsigned ptyNumber(int master);
void setWindowSize(int terminal, std::uint16_t rows, std::uint16_t columns);
/// Makes the terminal the controlling one of the caller, in a new session, and its stdin, stdout and stderr.
void takeTerminal(int slave);

} // namespace zoned::sys
