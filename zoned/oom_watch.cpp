#include "oom_watch.hpp"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>

#include <spdlog/spdlog.h>

#include "sys/cgroup.hpp"
#include "sys/error.hpp"

namespace zoned::daemon {
namespace {

constexpr std::chrono::milliseconds pause{200};

} // namespace

OomWatch::OomWatch(sys::EventLoop& loop, Told told)
    : loop_(loop), told_(std::move(told)), inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    if (!inotify_) {
        spdlog::warn("processes that are killed for want of memory will not be told: inotify_init1: {}",
                     std::strerror(errno));
        return;
    }
    source_ = loop_.watch(inotify_.get(), EPOLLIN, [this](std::uint32_t) { read(); });
}

void OomWatch::follow(const zone::ZoneName& name, pid_t init, const std::string& cgroup) {
    const auto found = zones_.find(name);
    if ((found == zones_.end() ? 0 : found->second.init) == init) {
        return;
    }
    if (found != zones_.end()) {
        if (found->second.watch >= 0) {
            ::inotify_rm_watch(inotify_.get(), found->second.watch);
            watches_.erase(found->second.watch);
        }
        changed_.erase(name);
        zones_.erase(found);
    }
    if (init != 0 && inotify_) {
        Watched& watched = zones_[name];
        watched.init = init;
        watched.cgroup = cgroup;
        listen(name, watched);
        watched.total = sys::oomKills(cgroup);
    }
}

/// Once, with the pause in between.
void OomWatch::listen(const zone::ZoneName& name, Watched& watched) {
    const std::string file = watched.cgroup + "/memory.events";
    watched.watch = ::inotify_add_watch(inotify_.get(), file.c_str(), IN_MODIFY | IN_ONESHOT);
    if (watched.watch >= 0) { // else it is gone, or the host does not offer the controller
        watches_.emplace(watched.watch, name);
    }
}

void OomWatch::read() {
    alignas(inotify_event) std::array<char, 4096> buffer{};
    for (ssize_t size = 0; (size = ::read(inotify_.get(), buffer.data(), buffer.size())) > 0;) {
        for (const char* at = buffer.data(); at < buffer.data() + size;) {
            inotify_event event{};
            std::memcpy(&event, at, sizeof event);
            at += sizeof event + event.len;
            const auto node = watches_.extract(event.wd); // it was for once
            if (!node.empty()) {
                zones_.at(node.mapped()).watch = -1;
                changed_.insert(node.mapped());
            }
        }
    }
    if (!changed_.empty() && !pause_) {
        pause_ = loop_.after(pause, [this] { lookAgain(); });
    }
}

void OomWatch::lookAgain() {
    pause_.reset();
    for (const zone::ZoneName& name : std::exchange(changed_, {})) {
        if (const auto found = zones_.find(name); found != zones_.end()) {
            listen(name, found->second); // first: what happens from here on is heard again
            count(name, found->second);
        }
    }
}

void OomWatch::count(const zone::ZoneName& name, Watched& watched) {
    const std::uint64_t total = sys::oomKills(watched.cgroup);
    if (total > watched.total) {
        const std::uint64_t killed = total - std::exchange(watched.total, total);
        told_(zone::ZoneName(name), killed, total); // which may end in follow(), for this zone too
    }
}

} // namespace zoned::daemon
