// zonectl: manages the zones of this host. All of it is in the library; see command.hpp for the table of verbs.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "command.hpp"

int main(int argc, char** argv) {
    // A program started with a standard stream closed must not use that number for something else.
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != fd) {
            return 1;
        }
    }
    std::signal(SIGPIPE, SIG_IGN);
    return zoned::ctl::runZonectl(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
}
