// How the loop is built.
//
// Every source has a number that is never given out twice, and epoll carries
// that number, not a pointer: an event of a source that has gone meanwhile finds
// no entry and is dropped. The entry of the handler being run is held by a
// shared pointer, so a handler may remove its own source and goes on living
// until it returns.
//
// Every call of a handler passes guarded(), which is where the border is. A
// handler that throws may be one whose descriptor stays readable because of
// that: it rests for a moment, out of epoll.
//
// Timers are a sorted map and the timeout of epoll_pwait2(2), which counts in
// nanoseconds; a timer costs no descriptor, and an idle loop never wakes up.
#include "sys/event_loop.hpp"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sys/error.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::sys {

namespace {

using Clock = std::chrono::steady_clock; // CLOCK_MONOTONIC
using std::chrono::microseconds;
using std::chrono::nanoseconds;

/// Longer delays are cut to this, so that sums of clock values cannot overflow.
constexpr auto longestDelay = std::chrono::hours(24 * 365 * 20);
/// What epoll reports without being asked.
constexpr std::uint32_t unaskedEvents = EPOLLHUP | EPOLLERR;
/// How long a source rests whose handler has thrown.
constexpr std::chrono::milliseconds rest{100};

struct Entry {
    std::uint64_t id = 0;
    std::function<void(std::uint32_t)> handler;
    std::function<microseconds()> hook; ///< set for a beforeWait source
    int fd = -1;                        ///< what epoll watches; -1 for timers, deferred calls and hooks
    std::uint32_t events = 0;
    bool once = false;                    ///< removed before its handler is called
    std::optional<Clock::time_point> due; ///< set for a timer
    int signal = 0;                       ///< set for a signal source
    UniqueFd owned;                       ///< a signalfd or pidfd the loop opened itself
    EventLoop::Source waking;             ///< set while it rests
};

} // namespace

struct EventLoop::State {
    UniqueFd epoll;
    std::uint64_t lastId = 0;
    std::unordered_map<std::uint64_t, std::shared_ptr<Entry>> entries;
    /// Which source a descriptor number belongs to now. A number may have been closed and
    /// handed out again before the old source was removed.
    std::unordered_map<int, std::uint64_t> owners;
    std::set<std::pair<Clock::time_point, std::uint64_t>> timers;
    std::deque<std::uint64_t> deferred;
    std::vector<std::uint64_t> hooks; ///< in the order they were added
    /// Regular files and /dev/null, which epoll refuses (EPERM) because they are always ready.
    std::set<std::uint64_t> alwaysReady;
    std::set<int> signals;
    std::optional<int> quitCode;
    std::exception_ptr abandoned;
    std::function<void(const std::exception&)> told;

    std::shared_ptr<Entry> add(Entry entry);
    void addDescriptor(const std::shared_ptr<Entry>& entry);
    void remove(std::uint64_t id) noexcept;
    template <typename Call>
    [[nodiscard]] bool guarded(Call&& call);
    void layToRest(EventLoop& loop, const std::shared_ptr<Entry>& entry);
    void dispatch(EventLoop& loop, std::uint64_t id, std::uint32_t events);
    void runDeferred();
    void runTimers(EventLoop& loop);
    void runAlwaysReady(EventLoop& loop);
    std::optional<nanoseconds> callHooks();
    void wait(EventLoop& loop, std::optional<nanoseconds> limit);
};

std::shared_ptr<Entry> EventLoop::State::add(Entry entry) {
    entry.id = ++lastId;
    auto shared = std::make_shared<Entry>(std::move(entry));
    entries.emplace(shared->id, shared);
    return shared;
}

void EventLoop::State::addDescriptor(const std::shared_ptr<Entry>& entry) {
    epoll_event event{};
    event.events = entry->events;
    event.data.u64 = entry->id;
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, entry->fd, &event) == 0) {
        owners[entry->fd] = entry->id;
        return;
    }
    const int code = errno;
    if (code == EPERM) {
        alwaysReady.insert(entry->id);
        return;
    }
    entries.erase(entry->id);
    throw Error(join("watching descriptor ", entry->fd), code);
}

void EventLoop::State::remove(std::uint64_t id) noexcept {
    const auto found = entries.find(id);
    if (found == entries.end()) {
        return;
    }
    // Taken out first: what the handler captured may remove further sources while it is destroyed.
    const auto entry = std::move(found->second);
    entries.erase(found);
    if (entry->due) {
        timers.erase({*entry->due, id});
    }
    if (entry->hook) {
        std::erase(hooks, id);
    }
    if (entry->signal != 0) {
        signals.erase(entry->signal);
    }
    alwaysReady.erase(id);
    if (const auto owner = owners.find(entry->fd); owner != owners.end() && owner->second == id) {
        owners.erase(owner);
        ::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, entry->fd, nullptr);
    }
}

/// The border. False where the call threw, and that was told.
template <typename Call>
bool EventLoop::State::guarded(Call&& call) {
    if (!told) {
        call();
        return true;
    }
    try {
        call();
        return true;
    } catch (const std::exception& error) {
        told(error);
        return false;
    }
}

/// Leaves a descriptor's source unwatched for a while.
void EventLoop::State::layToRest(EventLoop& loop, const std::shared_ptr<Entry>& entry) {
    const bool watched = entries.contains(entry->id) && entry->fd >= 0 && !entry->waking;
    if (!watched) {
        return; // it has gone, or it is a timer, which is over
    }
    alwaysReady.erase(entry->id);
    if (const auto owner = owners.find(entry->fd); owner != owners.end() && owner->second == entry->id) {
        owners.erase(owner);
        ::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, entry->fd, nullptr);
    }
    entry->waking = loop.after(rest, [this, weak = std::weak_ptr(entry)] {
        if (const auto woken = weak.lock(); woken && entries.contains(woken->id)) {
            woken->waking.reset();
            addDescriptor(woken);
        }
    });
}

void EventLoop::State::dispatch(EventLoop& loop, std::uint64_t id, std::uint32_t events) {
    const auto found = entries.find(id);
    if (found == entries.end() || found->second->waking) {
        return;
    }
    const auto entry = found->second;
    if (entry->once) {
        remove(id);
    } else {
        // modify() may have narrowed the wish since the kernel reported.
        events &= entry->events | unaskedEvents;
        if (events == 0) {
            return;
        }
    }
    if (!guarded([&] { entry->handler(events); })) {
        layToRest(loop, entry);
    }
    if (!quitCode) {
        runDeferred();
    }
}

void EventLoop::State::runDeferred() {
    // What a deferred call defers has its turn after the next handler, so that it cannot starve the others.
    for (auto count = deferred.size(); count > 0 && !deferred.empty() && !quitCode; --count) {
        const auto id = deferred.front();
        deferred.pop_front();
        if (const auto found = entries.find(id); found != entries.end()) {
            const auto entry = found->second;
            remove(id);
            (void)guarded([&] { entry->handler(0); });
        }
    }
}

void EventLoop::State::runTimers(EventLoop& loop) {
    if (timers.empty()) {
        return;
    }
    const auto now = Clock::now();
    while (!quitCode && !timers.empty() && timers.begin()->first <= now) {
        dispatch(loop, timers.begin()->second, 0);
    }
}

void EventLoop::State::runAlwaysReady(EventLoop& loop) {
    const std::vector<std::uint64_t> ready(alwaysReady.begin(), alwaysReady.end());
    for (const auto id : ready) {
        if (quitCode) {
            return;
        }
        dispatch(loop, id, EPOLLIN | EPOLLOUT);
    }
}

std::optional<nanoseconds> EventLoop::State::callHooks() {
    std::optional<nanoseconds> limit;
    const auto current = hooks; // a hook may add and remove hooks
    for (const auto id : current) {
        const auto found = entries.find(id);
        if (found == entries.end()) {
            continue;
        }
        const auto entry = found->second;
        microseconds wish = rest; // where it throws
        (void)guarded([&] { wish = entry->hook(); });
        if (wish >= microseconds::zero()) {
            const nanoseconds most = std::min<microseconds>(wish, longestDelay);
            limit = limit ? std::min(*limit, most) : most;
        }
    }
    return limit;
}

void EventLoop::State::wait(EventLoop& loop, std::optional<nanoseconds> limit) {
    const bool wanted = std::any_of(alwaysReady.begin(), alwaysReady.end(), [this](std::uint64_t id) {
        return (entries.at(id)->events & (EPOLLIN | EPOLLOUT)) != 0;
    });
    if (!deferred.empty() || wanted || quitCode) {
        limit = nanoseconds::zero();
    } else if (!timers.empty()) {
        const nanoseconds left = std::max<nanoseconds>(timers.begin()->first - Clock::now(), nanoseconds::zero());
        limit = limit ? std::min(*limit, left) : left;
    }
    timespec timeout{};
    if (limit) {
        timeout.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(*limit).count();
        timeout.tv_nsec = (*limit % std::chrono::seconds(1)).count();
    }
    std::array<epoll_event, 32> events{};
    const int count = ::epoll_pwait2(epoll.get(), events.data(), static_cast<int>(events.size()),
                                     limit ? &timeout : nullptr, nullptr);
    if (count < 0) {
        if (errno == EINTR) {
            return;
        }
        throwErrno("waiting for events");
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(count) && !quitCode; ++i) {
        dispatch(loop, events[i].data.u64, events[i].events);
    }
}

EventLoop::EventLoop() : state_(std::make_unique<State>()) {
    state_->epoll = UniqueFd(check(::epoll_create1(EPOLL_CLOEXEC), "making an epoll descriptor"));
}

EventLoop::~EventLoop() {
    // One by one, with the state still whole: handlers own objects that own further sources.
    while (!state_->entries.empty()) {
        state_->remove(state_->entries.begin()->first);
    }
}

EventLoop::Source EventLoop::watch(int fd, std::uint32_t events, std::function<void(std::uint32_t)> handler) {
    Entry entry;
    entry.fd = fd;
    entry.events = events;
    entry.handler = std::move(handler);
    const auto added = state_->add(std::move(entry));
    state_->addDescriptor(added);
    return {this, added->id};
}

void EventLoop::modify(const Source& source, std::uint32_t events) {
    const auto found = state_->entries.find(source.id_);
    if (source.loop_ != this || found == state_->entries.end() || found->second->fd < 0) {
        throw Error("changing the events of a source that watches no descriptor", EINVAL);
    }
    Entry& entry = *found->second;
    if (!state_->alwaysReady.contains(entry.id) && !entry.waking) {
        epoll_event event{};
        event.events = events;
        event.data.u64 = entry.id;
        check(::epoll_ctl(state_->epoll.get(), EPOLL_CTL_MOD, entry.fd, &event), "changing what descriptor ", entry.fd,
              " is watched for");
    }
    entry.events = events;
}

EventLoop::Source EventLoop::after(microseconds delay, std::function<void()> handler) {
    Entry entry;
    entry.once = true;
    entry.due = Clock::now() + std::clamp<microseconds>(delay, microseconds::zero(), longestDelay);
    entry.handler = [call = std::move(handler)](std::uint32_t) { call(); };
    const auto added = state_->add(std::move(entry));
    state_->timers.emplace(*added->due, added->id);
    return {this, added->id};
}

EventLoop::Source EventLoop::defer(std::function<void()> handler) {
    Entry entry;
    entry.once = true;
    entry.handler = [call = std::move(handler)](std::uint32_t) { call(); };
    const auto added = state_->add(std::move(entry));
    state_->deferred.push_back(added->id);
    return {this, added->id};
}

EventLoop::Source EventLoop::onSignal(int signal, std::function<void()> handler) {
    return onSignalFrom(signal, [call = std::move(handler)](pid_t) { call(); });
}

EventLoop::Source EventLoop::onSignalFrom(int signal, std::function<void(pid_t)> handler) {
    if (state_->signals.contains(signal)) {
        throw Error(join("waiting for signal ", signal, " a second time"), EEXIST);
    }
    sigset_t set;
    sigemptyset(&set);
    check(sigaddset(&set, signal), "waiting for signal ", signal);
    check(::sigprocmask(SIG_BLOCK, &set, nullptr), "blocking signal ", signal);
    Entry entry;
    entry.owned =
        UniqueFd(check(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "making a descriptor for signal ", signal));
    entry.fd = entry.owned.get();
    entry.events = EPOLLIN;
    entry.signal = signal;
    entry.handler = [fd = entry.fd, signal, call = std::move(handler)](std::uint32_t) {
        signalfd_siginfo info{};
        const auto length = ::read(fd, &info, sizeof(info));
        if (length < 0) {
            if (errno == EAGAIN || errno == EINTR) {
                return;
            }
            throwErrno("reading signal ", signal);
        }
        call(static_cast<pid_t>(info.ssi_pid));
    };
    const auto added = state_->add(std::move(entry));
    state_->addDescriptor(added);
    state_->signals.insert(signal);
    return {this, added->id};
}

EventLoop::Source EventLoop::onExit(pid_t pid, std::function<void(int)> handler) {
    Entry entry;
    entry.owned =
        UniqueFd(static_cast<int>(check(::syscall(SYS_pidfd_open, pid, 0), "opening a descriptor for process ", pid)));
    entry.fd = entry.owned.get();
    entry.events = EPOLLIN;
    const auto added = state_->add(std::move(entry));
    // Set afterwards, because it needs the number: the source ends when the child is reaped, not at the first event.
    added->handler = [this, pid, id = added->id, call = std::move(handler)](std::uint32_t) {
        int status = 0;
        // __WALL: a child made by clone3(2) without SIGCHLD as its exit signal is found too.
        const pid_t reaped = check(::waitpid(pid, &status, WNOHANG | __WALL), "waiting for process ", pid);
        if (reaped == pid) {
            state_->remove(id);
            call(status);
        }
    };
    state_->addDescriptor(added);
    return {this, added->id};
}

EventLoop::Source EventLoop::beforeWait(std::function<microseconds()> hook) {
    Entry entry;
    entry.hook = std::move(hook);
    const auto added = state_->add(std::move(entry));
    state_->hooks.push_back(added->id);
    return {this, added->id};
}

void EventLoop::onFault(std::function<void(const std::exception&)> told) {
    state_->told = std::move(told);
}

int EventLoop::run() {
    while (!state_->quitCode) {
        state_->runDeferred();
        state_->runTimers(*this);
        state_->runAlwaysReady(*this);
        if (state_->quitCode) {
            break;
        }
        const auto limit = state_->callHooks();
        state_->wait(*this, limit);
    }
    if (const auto error = std::exchange(state_->abandoned, nullptr)) {
        state_->quitCode.reset();
        std::rethrow_exception(error);
    }
    return *std::exchange(state_->quitCode, std::nullopt);
}

void EventLoop::quit(int code) noexcept {
    state_->quitCode = code;
}

void EventLoop::abandon(std::exception_ptr error) noexcept {
    state_->abandoned = std::move(error);
    quit(1);
}

EventLoop::Source::Source(Source&& other) noexcept
    : loop_(std::exchange(other.loop_, nullptr)), id_(std::exchange(other.id_, 0)) {}

EventLoop::Source& EventLoop::Source::operator=(Source&& other) noexcept {
    if (this != &other) {
        reset();
        loop_ = std::exchange(other.loop_, nullptr);
        id_ = std::exchange(other.id_, 0);
    }
    return *this;
}

EventLoop::Source::~Source() {
    reset();
}

void EventLoop::Source::reset() noexcept {
    const auto id = std::exchange(id_, 0);
    if (EventLoop* const loop = std::exchange(loop_, nullptr)) {
        loop->state_->remove(id);
    }
}

} // namespace zoned::sys
