#include "run_watch.hpp"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::daemon {

RunWatch::RunWatch(sys::EventLoop& loop, std::string folder, std::function<void(const std::string&)> listens)
    : folder_(std::move(folder)), listens_(std::move(listens)),
      inotify_(sys::check(inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "watching ", folder_)) {
    sys::check(inotify_add_watch(inotify_.get(), folder_.c_str(), IN_CREATE | IN_MOVED_TO | IN_ONLYDIR), "watching ",
               folder_);
    source_ = loop.watch(inotify_.get(), EPOLLIN, [this](std::uint32_t) { read(); });
}

void RunWatch::read() {
    alignas(inotify_event) std::array<char, 8192> buffer{};
    for (;;) {
        const ssize_t got = ::read(inotify_.get(), buffer.data(), buffer.size());
        if (got <= 0) {
            return;
        }
        for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
            inotify_event event{};
            std::memcpy(&event, buffer.data() + at, sizeof event);
            const char* text = buffer.data() + at + sizeof event;
            const std::string name = event.len == 0 ? "" : std::string(text, strnlen(text, event.len));
            at += sizeof event + event.len;
            const auto place = places_.find(event.wd);
            if ((event.mask & IN_Q_OVERFLOW) != 0) {
                lookAtAll();
            } else if ((event.mask & IN_IGNORED) != 0) {
                places_.erase(event.wd);
            } else if (place != places_.end() && name == "socket" && sys::exists(socketOf(place->second))) {
                listens_(std::string(place->second));
            } else if (place == places_.end() && (event.mask & IN_ISDIR) != 0) {
                look(name);
            }
        }
    }
}

std::string RunWatch::socketOf(const std::string& name) const {
    return folder_ + "/" + name + "/socket";
}

/// A folder that is new, or may be: waits for the socket in it.
void RunWatch::look(const std::string& name) {
    const std::string path = folder_ + "/" + name;
    const int watch =
        inotify_add_watch(inotify_.get(), path.c_str(), IN_MOVED_TO | IN_ONLYDIR); // it is renamed into place
    if (watch < 0) {
        return; // gone again
    }
    places_[watch] = name;
    if (sys::exists(socketOf(name))) {
        listens_(name);
    }
}

void RunWatch::lookAtAll() {
    for (const std::string& name : sys::listDirectory(folder_)) {
        look(name);
    }
}

} // namespace zoned::daemon
