#include "drains.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

namespace zoned::supervisor {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t mostVisits = 256;
/// What is taken at once, and how long it takes until more is: some 300 kB a second.
constexpr std::size_t portion = 16 << 10;
constexpr auto pause = 50ms;

bool hasWriter(const sys::UniqueFd& pipe) {
    pollfd state{pipe.get(), 0, 0};
    return ::poll(&state, 1, 0) == 0;
}

} // namespace

void Drains::add(sys::Channel client, std::vector<sys::UniqueFd> pipes) {
    std::erase_if(pipes, [](const sys::UniqueFd& pipe) { return !hasWriter(pipe); });
    if (pipes.empty()) {
        return; // as of nearly every visit
    }
    if (visits_.size() == mostVisits) {
        visits_.pop_front();
    }
    visits_.emplace_back();
    const VisitAt visit = std::prev(visits_.end());
    for (sys::UniqueFd& pipe : pipes) {
        visit->pipes.push_back({std::move(pipe), {}});
        hold(visit, std::prev(visit->pipes.end()));
    }
    if (!client) {
        clientGone(visit);
        return;
    }
    visit->client = std::move(client);
    ::shutdown(visit->client.fd(), SHUT_WR); // for him this is the end of the connection
    visit->gone = loop_.watch(visit->client.fd(), 0, [this, visit](std::uint32_t) { clientGone(visit); });
}

/// What is in the pipe is the client's as long as he is there; of its writers' end the loop tells unasked.
void Drains::hold(VisitAt visit, PipeAt pipe) {
    pipe->source = loop_.watch(pipe->end.get(), 0, [this, visit, pipe](std::uint32_t) { close(visit, pipe); });
}

void Drains::clientGone(VisitAt visit) {
    visit->gone.reset();
    visit->client.close();
    for (auto pipe = visit->pipes.begin(); pipe != visit->pipes.end(); ++pipe) {
        listen(visit, pipe);
    }
}

void Drains::listen(VisitAt visit, PipeAt pipe) {
    pipe->source.reset();
    pipe->source = loop_.watch(pipe->end.get(), EPOLLIN, [this, visit, pipe](std::uint32_t) { read(visit, pipe); });
}

void Drains::read(VisitAt visit, PipeAt pipe) {
    std::array<char, portion> room;
    const ssize_t got = ::read(pipe->end.get(), room.data(), room.size());
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        close(visit, pipe);
        return;
    }
    pipe->source.reset();
    pipe->source = loop_.after(pause, [this, visit, pipe] { listen(visit, pipe); });
}

void Drains::close(VisitAt visit, PipeAt pipe) {
    visit->pipes.erase(pipe);
    if (visit->pipes.empty()) {
        visits_.erase(visit);
    }
}

} // namespace zoned::supervisor
