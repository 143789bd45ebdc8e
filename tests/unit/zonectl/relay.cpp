#include "zonectl/relay.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include "support/catch.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "zonectl/terminal.hpp"

using namespace zoned;
using namespace std::chrono_literals;
using ctl::Relay;
using ctl::share;
using ctl::Stream;
using sys::UniqueFd;

namespace {

// As main() does: a reader that is gone is an error of write(2).
[[maybe_unused]] const auto previousAction = std::signal(SIGPIPE, SIG_IGN);

struct Pipe {
    UniqueFd read, write;
    Pipe() {
        std::array<int, 2> ends{};
        sys::check(::pipe2(ends.data(), O_CLOEXEC), "making a pipe");
        read.reset(ends[0]);
        write.reset(ends[1]);
    }
};

/// Bytes of every value, in an order that shows a lost or doubled piece.
std::string pattern(std::size_t size) {
    std::string data(size, '\0');
    std::uint32_t state = 12345;
    for (char& byte : data) {
        state = state * 1664525 + 1013904223;
        byte = static_cast<char>(state >> 24);
    }
    return data;
}

/// The end of the zone's program, as the control socket tells it.
struct Control {
    Pipe pipe;
    void watch(Relay& relay) {
        relay.add(ctl::Watch{pipe.read.get(),
                             {},
                             [&relay] {
                                 relay.finish();
                                 return false;
                             },
                             {}});
    }
    void end() { pipe.write.reset(); }
};

} // namespace

TEST_CASE("large binary data passes whole to a slow reader, and its end closes the target", "[relay]") {
    const std::string data = pattern(8 * 1024 * 1024 + 7);
    Pipe in;
    Pipe out;
    Control control;
    Relay relay;
    std::thread writer([&] {
        sys::writeAll(in.write.get(), data, "the source");
        in.write.reset();
    });
    std::string received;
    std::thread reader([&] {
        std::this_thread::sleep_for(50ms); // long enough for every buffer to fill
        received = sys::readAll(out.read.get(), "the target", data.size() + 1);
        control.end();
    });
    relay.add(Stream{share(std::move(in.read)), share(std::move(out.write)), true, {}, {}});
    control.watch(relay);
    relay.run();
    writer.join();
    reader.join();
    CHECK(received == data);
}

TEST_CASE("a target that blocks stops only its own stream", "[relay]") {
    Pipe stuckIn, stuckOut, in, out;
    Control control;
    Relay relay;
    std::thread stuck(
        [&] { CHECK_THROWS_AS(sys::writeAll(stuckIn.write.get(), pattern(400'000), "the stuck source"), sys::Error); });
    relay.add(Stream{share(std::move(stuckIn.read)), share(std::move(stuckOut.write)), false, {}, {}});
    relay.add(Stream{share(std::move(in.read)), share(std::move(out.write)), true, {}, {}});
    control.watch(relay);
    std::string got(5, '\0');
    std::thread user([&] {
        std::this_thread::sleep_for(50ms); // the first stream is stuck by now
        sys::writeAll(in.write.get(), "hello", "the source");
        got.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(out.read.get(), got.data(), got.size()))));
        in.write.reset();
        stuckOut.read.reset();
        control.end();
    });
    relay.run();
    user.join();
    stuck.join(); // its reader went away
    CHECK(got == "hello");
}

TEST_CASE("a reader that goes away closes the source, so that the writer hears of it", "[relay]") {
    Pipe in, out;
    Control control;
    Relay relay;
    out.read.reset();
    relay.add(Stream{share(std::move(in.read)), share(std::move(out.write)), true, {}, {}});
    control.watch(relay);
    bool told = false;
    std::thread writer([&] {
        pollfd waiting{in.write.get(), 0, 0};
        told = ::poll(&waiting, 1, 5000) == 1 && (waiting.revents & POLLERR) != 0;
        control.end();
    });
    relay.run();
    writer.join();
    CHECK(told);
}

TEST_CASE("a program that closes its input early goes on", "[relay]") {
    Pipe typed, input, programOut, output;
    Control control;
    Relay relay;
    input.read.reset(); // the program does not read
    sys::writeAll(typed.write.get(), "unread", "the input");
    relay.add(Stream{share(std::move(typed.read)), share(std::move(input.write)), false, {}, {}});
    relay.add(Stream{share(std::move(programOut.read)), share(std::move(output.write)), true, {}, {}});
    control.watch(relay);
    std::thread program([&] {
        std::this_thread::sleep_for(30ms);
        sys::writeAll(programOut.write.get(), "result", "the output");
        programOut.write.reset();
        control.end();
    });
    relay.run();
    program.join();
    CHECK(sys::readAll(output.read.get(), "the output", 100) == "result");
}

TEST_CASE("what was written before the end is handed on although somebody keeps the pipe open", "[relay]") {
    Pipe in, out;
    Control control;
    Relay relay;
    sys::writeAll(in.write.get(), pattern(60'000), "the source");
    control.end(); // ended already; in.write stays open, as a background process would keep it
    relay.add(Stream{share(std::move(in.read)), share(std::move(out.write)), true, {}, {}});
    control.watch(relay);
    const auto start = std::chrono::steady_clock::now();
    std::string received;
    std::thread reader([&] { received = sys::readAll(out.read.get(), "the target", 100'000); });
    relay.run();
    reader.join();
    CHECK(received == pattern(60'000));
    CHECK(std::chrono::steady_clock::now() - start < 2s);
}

TEST_CASE("a process left behind that never stops writing does not keep the relay", "[relay]") {
    Pipe in, out;
    Control control;
    Relay relay;
    std::atomic<bool> stop = false;
    std::thread chatter([&, fd = in.write.get()] {
        sys::setNonBlocking(fd);
        while (!stop) {
            [[maybe_unused]] const ssize_t n = ::write(fd, "noise\n", 6);
        }
    });
    std::thread reader([&] { (void)sys::readAll(out.read.get(), "the target", std::size_t{1} << 30); });
    relay.add(Stream{share(UniqueFd(::dup(in.read.get()))), share(std::move(out.write)), true, {}, {}});
    control.watch(relay);
    std::thread end([&] {
        std::this_thread::sleep_for(30ms);
        control.end();
    });
    relay.run();
    stop = true;
    chatter.join();
    end.join();
    reader.join();
    SUCCEED("run() returned");
}

TEST_CASE("a filter changes what passes and can end the relay", "[relay]") {
    Pipe in, out;
    Relay relay;
    sys::writeAll(in.write.get(), "abc", "the source");
    int calls = 0;
    const auto filter = [&](std::string& bytes) {
        bytes = "<" + bytes + ">";
        sys::writeAll(in.write.get(), "q", "the source");
        return ++calls < 2;
    };
    relay.add(Stream{share(std::move(in.read)), share(std::move(out.write)), false, filter, {}});
    relay.run();
    std::string got(16, '\0');
    const ssize_t length = ::read(out.read.get(), got.data(), got.size());
    REQUIRE(length == 5);
    CHECK(got.substr(0, 5) == "<abc>");
}

TEST_CASE("a plain file is a source as good as a pipe", "[relay]") {
    Pipe out;
    Control control;
    Relay relay;
    UniqueFd file(::memfd_create("source", 0));
    sys::writeAll(file.get(), "from a file", "the file");
    ::lseek(file.get(), 0, SEEK_SET);
    relay.add(Stream{share(std::move(file)), share(std::move(out.write)), true, {}, {}});
    control.watch(relay);
    std::string received;
    std::thread reader([&] {
        received = sys::readAll(out.read.get(), "the target", 100);
        control.end();
    });
    relay.run();
    reader.join();
    CHECK(received == "from a file");
}

TEST_CASE("descriptors that are only borrowed stay open and blocking", "[relay]") {
    Pipe in, out;
    Control control;
    in.write.reset();
    control.end();
    {
        Relay relay;
        relay.add(Stream{ctl::borrow(in.read.get()), ctl::borrow(out.write.get()), true, {}, {}});
        control.watch(relay);
        relay.run();
    }
    CHECK((::fcntl(out.write.get(), F_GETFL) & O_NONBLOCK) == 0);
    CHECK(::fcntl(in.read.get(), F_GETFD) >= 0);
}

TEST_CASE("a terminal gets its settings back, and the bytes of a pty end with its last user", "[relay]") {
    UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(master);
    REQUIRE(::grantpt(master.get()) == 0);
    REQUIRE(::unlockpt(master.get()) == 0);
    UniqueFd slave(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(slave);
    termios before{};
    REQUIRE(::tcgetattr(slave.get(), &before) == 0);
    {
        const ctl::RawTerminal raw(slave.get());
        termios now{};
        REQUIRE(::tcgetattr(slave.get(), &now) == 0);
        CHECK((now.c_lflag & (ICANON | ECHO | ISIG)) == 0);
    }
    termios after{};
    REQUIRE(::tcgetattr(slave.get(), &after) == 0);
    CHECK(after.c_lflag == before.c_lflag);
    CHECK(after.c_oflag == before.c_oflag);

    ctl::setTerminalSize(master.get(), {33, 77});
    const auto size = ctl::terminalSize(slave.get());
    REQUIRE(size);
    CHECK(size->rows == 33);
    CHECK(size->columns == 77);

    Pipe out;
    Control control;
    Relay relay;
    sys::writeAll(slave.get(), "last words", "the terminal");
    slave.reset();
    control.end();
    relay.add(Stream{share(std::move(master)), share(std::move(out.write)), true, {}, {}});
    control.watch(relay);
    relay.run();
    CHECK(sys::readAll(out.read.get(), "the output", 100) == "last words");
}

TEST_CASE("what a terminal was sent and nobody has read is not left to the shell", "[terminal]") {
    const UniqueFd master(sys::check(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "making a terminal"));
    REQUIRE(::grantpt(master.get()) == 0);
    REQUIRE(::unlockpt(master.get()) == 0);
    const UniqueFd slave(sys::check(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC), "opening it"));
    {
        const ctl::RawTerminal raw(slave.get());
        sys::writeAll(master.get(), "\033[?62;c\n", "the terminal"); // the answer to a zone's query
        pollfd arrived{slave.get(), POLLIN, 0};
        REQUIRE(::poll(&arrived, 1, 5000) == 1);
    }
    pollfd left{slave.get(), POLLIN, 0};
    CHECK(::poll(&left, 1, 0) == 0);
}
