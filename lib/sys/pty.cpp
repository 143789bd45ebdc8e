#include "sys/pty.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::sys {

namespace {

UniqueFd openMaster(int root) {
    try {
        return openBeneath(root, "dev/pts/ptmx", O_RDWR | O_NOCTTY, FileType::any);
    } catch (const Error& error) {
        if (error.code() != ENOSPC) {
            throw;
        }
        throw Error("opening a terminal: the zone has as many as it may, or all zones together have what the host's "
                    "sysctl kernel.pty.max leaves them",
                    error.code());
    }
}

} // namespace

Pty openPty(int root) {
    Pty pty;
    pty.master = openMaster(root);
    struct statfs info {};
    check(::fstatfs(pty.master.get(), &info), "looking at /dev/pts/ptmx");
    if (info.f_type != DEVPTS_SUPER_MAGIC) {
        throw Error("opening a terminal: the zone's /dev/pts is no devpts", 0);
    }
    int unlock = 0;
    check(::ioctl(pty.master.get(), TIOCSPTLCK, &unlock), "unlocking the terminal");
    pty.slave = openPtySlave(pty.master.get());
    return pty;
}

UniqueFd openPtySlave(int master) {
    return UniqueFd(check(::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC), "opening the terminal"));
}

unsigned ptyNumber(int master) {
    unsigned number = 0;
    check(::ioctl(master, TIOCGPTN, &number), "asking for the terminal's number");
    return number;
}

void setWindowSize(int terminal, std::uint16_t rows, std::uint16_t columns) {
    const winsize size{rows, columns, 0, 0};
    check(::ioctl(terminal, TIOCSWINSZ, &size), "setting the terminal's size");
}

void takeTerminal(int slave) {
    check(::setsid(), "starting a session");
    check(::ioctl(slave, TIOCSCTTY, 0), "taking the terminal");
    for (int fd = 0; fd < 3; ++fd) {
        check(::dup2(slave, fd), "connecting the terminal");
    }
}

} // namespace zoned::sys
