#include "sys/event_loop.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/error.hpp"
#include "sys/unique_fd.hpp"

using namespace zoned;
using namespace std::chrono_literals;
using sys::EventLoop;
using sys::UniqueFd;

namespace {

struct Pipe {
    UniqueFd reader;
    UniqueFd writer;

    Pipe() {
        std::array<int, 2> ends{};
        sys::check(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), "making a pipe");
        reader.reset(ends[0]);
        writer.reset(ends[1]);
    }
    void put(char letter = 'x') const { sys::check(::write(writer.get(), &letter, 1), "writing to a pipe"); }
    char take() const {
        char letter = 0;
        sys::check(::read(reader.get(), &letter, 1), "reading from a pipe");
        return letter;
    }
};

template <typename Action>
pid_t startChild(Action action) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        action();
        ::_exit(99);
    }
    return pid;
}

} // namespace

TEST_CASE("run returns the code given to quit, and can be run again", "[event_loop]") {
    EventLoop loop;
    auto first = loop.defer([&] { loop.quit(7); });
    CHECK(loop.run() == 7);
    auto second = loop.defer([&] { loop.quit(); });
    CHECK(loop.run() == 0);
}

TEST_CASE("quit before run lets run return at once", "[event_loop]") {
    EventLoop loop;
    bool called = false;
    auto source = loop.after(0us, [&] { called = true; });
    loop.quit(3);
    CHECK(loop.run() == 3);
    CHECK_FALSE(called);
}

TEST_CASE("a descriptor's handler is called while the event is pending", "[event_loop]") {
    EventLoop loop;
    const Pipe pipe;
    std::string seen;
    auto source = loop.watch(pipe.reader.get(), EPOLLIN, [&](std::uint32_t events) {
        CHECK((events & EPOLLIN) != 0);
        seen += pipe.take();
        if (seen.size() == 3) {
            loop.quit();
        }
    });
    pipe.put('a');
    pipe.put('b');
    pipe.put('c');
    loop.run();
    CHECK(seen == "abc");
}

TEST_CASE("the end of the other side is reported without being asked for", "[event_loop]") {
    EventLoop loop;
    Pipe pipe;
    auto source = loop.watch(pipe.reader.get(), 0, [&](std::uint32_t events) {
        CHECK((events & EPOLLHUP) != 0);
        loop.quit();
    });
    pipe.writer.reset();
    loop.run();
}

TEST_CASE("a removed source is not called for an event that was already reported", "[event_loop]") {
    EventLoop loop;
    const Pipe one;
    const Pipe two;
    EventLoop::Source first;
    EventLoop::Source second;
    int calls = 0;
    // Both are ready in the same round; whichever comes first removes the other.
    first = loop.watch(one.reader.get(), EPOLLIN, [&](std::uint32_t) {
        ++calls;
        second.reset();
        first.reset();
    });
    second = loop.watch(two.reader.get(), EPOLLIN, [&](std::uint32_t) {
        ++calls;
        first.reset();
        second.reset();
    });
    one.put();
    two.put();
    auto end = loop.after(5ms, [&] { loop.quit(); });
    loop.run();
    CHECK(calls == 1);
}

TEST_CASE("a handler that removes itself keeps what it captured until it returns", "[event_loop]") {
    EventLoop loop;
    const Pipe pipe;
    EventLoop::Source source;
    auto value = std::make_shared<std::string>("still here");
    const std::weak_ptr<std::string> watcher = value;
    std::string seen;
    source = loop.watch(pipe.reader.get(), EPOLLIN, [&, value](std::uint32_t) {
        source.reset();
        seen = *value;
        loop.quit();
    });
    value.reset();
    pipe.put();
    loop.run();
    CHECK(seen == "still here");
    CHECK(watcher.expired());
}

TEST_CASE("a descriptor number used again belongs to its new source", "[event_loop]") {
    EventLoop loop;
    auto old = std::make_unique<Pipe>();
    auto stale = loop.watch(old->reader.get(), EPOLLIN, [](std::uint32_t) { FAIL("the old source was called"); });
    const int number = old->reader.get();
    old.reset(); // closes the descriptors before the source is removed
    const Pipe fresh;
    REQUIRE(fresh.reader.get() == number);
    bool called = false;
    auto source = loop.watch(number, EPOLLIN, [&](std::uint32_t) {
        called = true;
        loop.quit();
    });
    stale.reset(); // must not take the new registration with it
    fresh.put();
    auto end = loop.after(1s, [&] { loop.quit(); });
    loop.run();
    CHECK(called);
}

TEST_CASE("modify changes what a descriptor is watched for, also within a round", "[event_loop]") {
    EventLoop loop;
    const Pipe pipe;
    int calls = 0;
    EventLoop::Source source;
    source = loop.watch(pipe.reader.get(), EPOLLIN, [&](std::uint32_t) {
        ++calls;
        loop.modify(source, 0);
    });
    pipe.put();
    auto end = loop.after(5ms, [&] { loop.quit(); });
    loop.run();
    CHECK(calls == 1);
    auto timer = loop.after(1s, [] {});
    CHECK_THROWS_AS(loop.modify(timer, EPOLLIN), sys::Error);
}

TEST_CASE("what epoll refuses because it is always ready is served all the same", "[event_loop]") {
    EventLoop loop;
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    int calls = 0;
    EventLoop::Source source = loop.watch(null.get(), EPOLLIN, [&](std::uint32_t events) {
        CHECK(events == EPOLLIN);
        if (++calls == 3) {
            source.reset();
        }
    });
    auto end = loop.after(5ms, [&] { loop.quit(); });
    loop.run();
    CHECK(calls == 3);
}

TEST_CASE("watching a closed descriptor is an error and leaves nothing behind", "[event_loop]") {
    EventLoop loop;
    CHECK_THROWS_AS(loop.watch(987, EPOLLIN, [](std::uint32_t) {}), sys::Error);
}

TEST_CASE("timers fire once, in the order of their deadlines", "[event_loop]") {
    EventLoop loop;
    std::string order;
    auto c = loop.after(9ms, [&] {
        order += 'c';
        loop.quit();
    });
    auto a = loop.after(1ms, [&] { order += 'a'; });
    auto b = loop.after(4ms, [&] { order += 'b'; });
    auto gone = loop.after(2ms, [&] { order += 'x'; });
    gone.reset();
    const auto start = std::chrono::steady_clock::now();
    loop.run();
    CHECK(order == "abc");
    CHECK(std::chrono::steady_clock::now() - start >= 9ms);
}

TEST_CASE("a timer may be set again from its own handler", "[event_loop]") {
    EventLoop loop;
    int calls = 0;
    EventLoop::Source timer;
    std::function<void()> tick = [&] {
        if (++calls == 3) {
            loop.quit();
            return;
        }
        timer = loop.after(100us, tick);
    };
    timer = loop.after(100us, tick);
    loop.run();
    CHECK(calls == 3);
}

TEST_CASE("a delay beyond every clock is never due, a negative one at once", "[event_loop]") {
    EventLoop loop;
    auto never = loop.after(std::chrono::microseconds::max(), [] { FAIL("the endless delay has ended"); });
    auto now = loop.after(-5s, [&] { loop.quit(4); });
    CHECK(loop.run() == 4);
}

TEST_CASE("an idle loop does not wake up", "[event_loop]") {
    EventLoop loop;
    int waits = 0;
    auto hook = loop.beforeWait([&] {
        ++waits;
        return -1us;
    });
    auto end = loop.after(60ms, [&] { loop.quit(); });
    loop.run();
    CHECK(waits <= 3);
}

TEST_CASE("a deferred call runs after its handler and before the next event's", "[event_loop]") {
    EventLoop loop;
    const Pipe one;
    const Pipe two;
    std::vector<std::string> order;
    std::vector<EventLoop::Source> sources;
    const auto handle = [&](const Pipe& pipe) {
        return [&](std::uint32_t) {
            pipe.take();
            sources.push_back(loop.defer([&] { order.emplace_back("deferred"); }));
            order.emplace_back("handler");
        };
    };
    auto first = loop.watch(one.reader.get(), EPOLLIN, handle(one));
    auto second = loop.watch(two.reader.get(), EPOLLIN, handle(two));
    one.put();
    two.put();
    auto end = loop.after(5ms, [&] { loop.quit(); });
    loop.run();
    CHECK(order == std::vector<std::string>{"handler", "deferred", "handler", "deferred"});
}

TEST_CASE("calls that always defer the next one do not starve a timer", "[event_loop]") {
    EventLoop loop;
    EventLoop::Source again;
    std::function<void()> endless = [&] { again = loop.defer(endless); };
    again = loop.defer(endless);
    auto end = loop.after(3ms, [&] { loop.quit(11); });
    CHECK(loop.run() == 11);
}

TEST_CASE("a deferred call that was removed is not made", "[event_loop]") {
    EventLoop loop;
    auto source = loop.defer([] { FAIL("a removed call was made"); });
    source.reset();
    auto end = loop.after(1ms, [&] { loop.quit(); });
    loop.run();
}

TEST_CASE("a hook limits the sleep and sees every round", "[event_loop]") {
    EventLoop loop;
    int calls = 0;
    auto hook = loop.beforeWait([&] {
        if (++calls == 5) {
            loop.quit();
        }
        return std::chrono::microseconds(500);
    });
    loop.run();
    CHECK(calls == 5);
}

TEST_CASE("a handler of a signal can be told who sent it", "[event_loop]") {
    sys::EventLoop loop;
    pid_t seen = 0;
    const auto source = loop.onSignalFrom(SIGUSR2, [&](pid_t sender) {
        seen = sender;
        loop.quit();
    });
    REQUIRE(::kill(::getpid(), SIGUSR2) == 0);
    loop.run();
    CHECK(seen == ::getpid());
}

TEST_CASE("signals reach their handler instead of ending the process", "[event_loop]") {
    EventLoop loop;
    int calls = 0;
    auto source = loop.onSignal(SIGUSR1, [&] {
        ++calls;
        loop.quit();
    });
    CHECK_THROWS_AS(loop.onSignal(SIGUSR1, [] {}), sys::Error);
    ::raise(SIGUSR1);
    loop.run();
    CHECK(calls == 1);
    source.reset();
    auto again = loop.onSignal(SIGUSR1, [&] { loop.quit(5); });
    ::raise(SIGUSR1);
    CHECK(loop.run() == 5);
}

TEST_CASE("a child's end is told with its status, and the child is reaped", "[event_loop]") {
    EventLoop loop;
    std::optional<int> status;
    pid_t pid = 0;
    SECTION("it left by itself") {
        pid = startChild([] { ::_exit(42); });
        auto source = loop.onExit(pid, [&](int value) {
            status = value;
            loop.quit();
        });
        loop.run();
        REQUIRE(status);
        CHECK(WIFEXITED(*status));
        CHECK(WEXITSTATUS(*status) == 42);
    }
    SECTION("it was killed") {
        pid = startChild([] { ::pause(); });
        auto source = loop.onExit(pid, [&](int value) {
            status = value;
            loop.quit();
        });
        ::kill(pid, SIGKILL);
        loop.run();
        REQUIRE(status);
        CHECK(WIFSIGNALED(*status));
        CHECK(WTERMSIG(*status) == SIGKILL);
    }
    SECTION("it had ended before anybody asked") {
        pid = startChild([] { ::_exit(3); });
        siginfo_t info{};
        REQUIRE(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) == 0);
        auto source = loop.onExit(pid, [&](int value) {
            status = value;
            loop.quit();
        });
        loop.run();
        REQUIRE(status);
        CHECK(WEXITSTATUS(*status) == 3);
    }
    CHECK(::waitpid(pid, nullptr, WNOHANG) == -1);
}

TEST_CASE("waiting for a process that does not exist is an error", "[event_loop]") {
    EventLoop loop;
    const pid_t pid = startChild([] { ::_exit(0); });
    ::waitpid(pid, nullptr, 0);
    CHECK_THROWS_AS(loop.onExit(pid, [](int) {}), sys::Error);
}

TEST_CASE("an exception leaves run, and the loop goes on with the next run", "[event_loop]") {
    EventLoop loop;
    auto bad = loop.defer([] { throw sys::Error("testing", EIO); });
    auto good = loop.after(1ms, [&] { loop.quit(2); });
    CHECK_THROWS_AS(loop.run(), sys::Error);
    CHECK(loop.run() == 2);
}

TEST_CASE("what a handler throws is told once, and the loop goes on with all others", "[event_loop]") {
    EventLoop loop;
    std::vector<std::string> told;
    loop.onFault([&](const std::exception& error) { told.emplace_back(error.what()); });
    const auto fail = [](const char* where) { throw std::runtime_error(where); };
    Pipe pipe;
    pipe.put();
    const auto deferred = loop.defer([&] { fail("deferred"); });
    const auto timer = loop.after(0us, [&] { fail("timer"); });
    auto watch = loop.watch(pipe.reader.get(), EPOLLIN, [&](std::uint32_t) {
        pipe.take();
        fail("descriptor");
    });
    const auto signal = loop.onSignal(SIGUSR1, [&] { fail("signal"); });
    ::kill(::getpid(), SIGUSR1);
    const pid_t child = startChild([] {});
    const auto exit = loop.onExit(child, [&](int) { fail("exit"); });
    bool hookFailed = false;
    const auto hook = loop.beforeWait([&]() -> std::chrono::microseconds {
        if (!std::exchange(hookFailed, true)) {
            fail("hook");
        }
        return -1us;
    });
    const auto end = loop.after(300ms, [&] { loop.quit(3); });
    CHECK(loop.run() == 3);
    std::sort(told.begin(), told.end());
    CHECK(told == std::vector<std::string>{"deferred", "descriptor", "exit", "hook", "signal", "timer"});
}

TEST_CASE("a descriptor whose handler always throws is rested, not called without end, and served again",
          "[event_loop]") {
    EventLoop loop;
    int told = 0;
    loop.onFault([&](const std::exception&) { ++told; });
    Pipe pipe;
    pipe.put('a');
    int calls = 0;
    auto watch = loop.watch(pipe.reader.get(), EPOLLIN, [&](std::uint32_t) {
        if (++calls < 3) {
            throw std::runtime_error("it stays readable");
        }
        CHECK(pipe.take() == 'a');
        loop.quit();
    });
    loop.run();
    CHECK(calls == 3);
    CHECK(told == 2);
}

TEST_CASE("a source that rests can be changed and removed", "[event_loop]") {
    EventLoop loop;
    loop.onFault([](const std::exception&) {});
    Pipe pipe;
    pipe.put();
    int calls = 0;
    auto removed = loop.watch(pipe.reader.get(), EPOLLIN, [&](std::uint32_t) {
        ++calls;
        throw std::runtime_error("once");
    });
    Pipe other;
    other.put();
    int others = 0;
    auto changed = loop.watch(other.reader.get(), EPOLLIN, [&](std::uint32_t) {
        ++others;
        throw std::runtime_error("once");
    });
    const auto change = loop.after(20ms, [&] {
        removed.reset();
        loop.modify(changed, 0);
    });
    const auto end = loop.after(250ms, [&] { loop.quit(); });
    loop.run();
    CHECK(calls == 1);
    CHECK(others == 1);
}

TEST_CASE("a handler that abandons the loop ends it with its own exception", "[event_loop]") {
    EventLoop loop;
    int told = 0;
    loop.onFault([&](const std::exception&) { ++told; });
    const auto handler = loop.defer([&] { loop.abandon(std::make_exception_ptr(sys::Error("the bus is lost", 0))); });
    CHECK_THROWS_AS(loop.run(), sys::Error);
    CHECK(told == 0);
    const auto again = loop.defer([&] { loop.quit(4); });
    CHECK(loop.run() == 4);
}

TEST_CASE("handlers that own further sources are taken apart with the loop", "[event_loop]") {
    const int before = test::openDescriptors();
    {
        const Pipe pipe;
        EventLoop loop;
        auto inner = std::make_shared<EventLoop::Source>(loop.after(1s, [] {}));
        auto outer = std::make_shared<EventLoop::Source>();
        *outer = loop.watch(pipe.reader.get(), EPOLLIN, [inner, outer](std::uint32_t) {});
        auto signal = loop.onSignal(SIGUSR2, [] {});
    }
    CHECK(test::openDescriptors() == before);
}
