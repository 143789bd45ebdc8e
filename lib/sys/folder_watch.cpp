#include "sys/folder_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>

#include "sys/error.hpp"

namespace zoned::sys {

FolderWatch::FolderWatch() : inotify_(check(inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "watching folders")) {}

void FolderWatch::add(const std::string& folder, std::uint32_t events, Changed changed) {
    folders_[check(inotify_add_watch(inotify_.get(), folder.c_str(), events), "watching ", folder)] =
        std::move(changed);
}

bool FolderWatch::take() {
    bool complete = true;
    std::array<char, 4096> buffer{};
    for (ssize_t size = 0; (size = ::read(inotify_.get(), buffer.data(), buffer.size())) > 0;) {
        for (const char* at = buffer.data(); at < buffer.data() + size;) {
            inotify_event event{};
            std::memcpy(&event, at, sizeof event);
            const auto folder = folders_.find(event.wd);
            if ((event.mask & IN_Q_OVERFLOW) != 0) {
                complete = false;
            } else if (folder != folders_.end() && event.len > 0) {
                folder->second(at + sizeof event); // padded with zeros
            }
            at += sizeof event + event.len;
        }
    }
    return complete;
}

} // namespace zoned::sys
