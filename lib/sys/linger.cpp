#include "sys/linger.hpp"

#include <dirent.h>
#include <sys/socket.h>

#include <charconv>
#include <cstring>
#include <memory>

namespace zoned::sys {

void takeLingersOff() noexcept {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), &::closedir);
    if (!folder) {
        return; // no descriptor is left for it: then none came with a message either
    }
    while (const dirent* entry = ::readdir(folder.get())) {
        int fd = -1;
        const auto [rest, fault] = std::from_chars(entry->d_name, entry->d_name + std::strlen(entry->d_name), fd);
        if (fault == std::errc{} && *rest == '\0') {
            const linger off{};
            (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof off); // ENOTSOCK for most
        }
    }
}

bool isNetworkSocket(int fd) noexcept {
    int family = AF_UNSPEC;
    socklen_t size = sizeof family;
    return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 && family != AF_UNIX;
}

} // namespace zoned::sys
