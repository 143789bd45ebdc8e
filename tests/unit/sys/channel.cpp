#include "sys/channel.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/file.hpp"
#include "sys/received_fds.hpp"

using namespace zoned;
using sys::Channel;
using sys::UniqueFd;

namespace {

int errorCode(const std::function<void()>& action) {
    try {
        action();
    } catch (const sys::Error& error) {
        return error.code();
    }
    return 0;
}

/// Sends past Channel::send and its limits, as a hostile peer would.
void sendRaw(int socket, const std::string& data, const std::vector<int>& fds) {
    iovec part{const_cast<char*>(data.data()), data.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    std::vector<char> control(CMSG_SPACE(sizeof(int) * fds.size()));
    if (!fds.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
        std::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
    }
    sys::check(::sendmsg(socket, &message, MSG_NOSIGNAL), "sending a raw message");
}

} // namespace

TEST_CASE("packets arrive whole, in order, one by one", "[channel]") {
    auto [left, right] = Channel::pair();
    CHECK(left.send("first"));
    CHECK(left.send(std::string("se\0cond", 7)));
    CHECK(right.receive()->data == "first");
    CHECK(right.receive()->data == std::string("se\0cond", 7));
    CHECK(right.send("back"));
    CHECK(left.receive()->data == "back");
}

TEST_CASE("the largest message passes, a longer one is refused by the sender", "[channel]") {
    auto [left, right] = Channel::pair();
    const std::string most(sys::maxPacket, 'm');
    CHECK(left.send(most));
    CHECK(right.receive()->data == most);
    CHECK(errorCode([&, &out = left] { out.send(most + "m"); }) == EMSGSIZE);
    CHECK(errorCode([&, &out = left] { out.send(""); }) == EINVAL);
}

TEST_CASE("descriptors travel with the message, are close-on-exec and owned", "[channel]") {
    const int before = test::openDescriptors();
    {
        auto [left, right] = Channel::pair();
        const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
        CHECK(left.send("two", {null.get(), null.get()}));
        const auto packet = right.receive();
        REQUIRE(packet);
        REQUIRE(packet->fds.size() == 2);
        for (const auto& fd : packet->fds) {
            CHECK((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
            CHECK(::write(fd.get(), "x", 1) == 1);
        }
    }
    CHECK(test::openDescriptors() == before);
}

TEST_CASE("as many descriptors as allowed pass, one more is refused by the sender", "[channel]") {
    auto [left, right] = Channel::pair();
    std::vector<int> fds(sys::maxPacketFds, STDERR_FILENO);
    CHECK(left.send("full", fds));
    CHECK(right.receive()->fds.size() == sys::maxPacketFds);
    fds.push_back(STDERR_FILENO);
    CHECK(errorCode([&, &out = left] { out.send("over", fds); }) == EMSGSIZE);
}

TEST_CASE("a peer's message that is too long is an error, and the next one is read", "[channel]") {
    auto [left, right] = Channel::pair();
    const int before = test::openDescriptors();
    const int size = 1 << 20;
    sys::check(::setsockopt(left.fd(), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)), "enlarging a buffer");
    sendRaw(left.fd(), std::string(sys::maxPacket + 1, 'x'), {STDERR_FILENO, STDERR_FILENO});
    CHECK(left.send("next"));
    CHECK(errorCode([&, &in = right] { static_cast<void>(in.receive()); }) == EMSGSIZE);
    CHECK(test::openDescriptors() == before);
    CHECK(right.receive()->data == "next");
}

TEST_CASE("a peer's message with too many descriptors is an error that leaks none", "[channel]") {
    auto [left, right] = Channel::pair();
    const int before = test::openDescriptors();
    sendRaw(left.fd(), "many", std::vector<int>(sys::maxPacketFds + 40, STDERR_FILENO));
    CHECK(errorCode([&, &in = right] { static_cast<void>(in.receive()); }) == EMSGSIZE);
    CHECK(test::openDescriptors() == before);
}

TEST_CASE("no descriptor that comes along makes its closing wait", "[channel]") {
    const UniqueFd watched(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto lingers = [&] {
        linger now{};
        socklen_t size = sizeof now;
        sys::check(::getsockopt(watched.get(), SOL_SOCKET, SO_LINGER, &now, &size), "asking for the linger");
        return now.l_onoff != 0;
    };
    const linger hour{1, 3600};
    const auto set = [&] {
        sys::check(::setsockopt(watched.get(), SOL_SOCKET, SO_LINGER, &hour, sizeof hour), "setting the linger");
    };
    auto [left, right] = Channel::pair();
    set();
    sendRaw(left.fd(), "one", {watched.get()});
    CHECK(lingers());
    CHECK(right.receive()->fds.size() == 1);
    CHECK_FALSE(lingers());
    // among those for which there is no room
    set();
    std::vector<int> many(sys::maxPacketFds + 40, STDERR_FILENO);
    many.push_back(watched.get());
    sendRaw(left.fd(), "many", many);
    CHECK(errorCode([&, &in = right] { static_cast<void>(in.receive()); }) == EMSGSIZE);
    CHECK_FALSE(lingers());
    // and where only bytes are read
    set();
    const int before = test::openDescriptors();
    sendRaw(left.fd(), "bytes", {watched.get()});
    std::array<char, 16> text{};
    CHECK(sys::readBytes(right.fd(), text.data(), text.size()) == 5);
    CHECK_FALSE(lingers());
    CHECK(test::openDescriptors() == before);
}

TEST_CASE("descriptors for which this process has no room are an error that leaks none", "[channel]") {
    auto [left, right] = Channel::pair();
    const int before = test::openDescriptors();
    CHECK(left.send("four", std::vector<int>(4, STDERR_FILENO)));
    rlimit old{};
    ::getrlimit(RLIMIT_NOFILE, &old);
    const UniqueFd lowestFree(::dup(STDERR_FILENO));
    rlimit tight = old;
    tight.rlim_cur = static_cast<rlim_t>(lowestFree.get()) + 2; // room for one of the four
    ::setrlimit(RLIMIT_NOFILE, &tight);
    const int code = errorCode([&, &in = right] { static_cast<void>(in.receive()); });
    ::setrlimit(RLIMIT_NOFILE, &old);
    CHECK(code == EMSGSIZE);
    CHECK(test::openDescriptors() == before + 1);
}

TEST_CASE("the end of the connection is told to both sides", "[channel]") {
    auto [left, right] = Channel::pair();
    SECTION("the reader sees what was sent before, then the end") {
        CHECK(left.send("last"));
        left.close();
        CHECK(right.receive()->data == "last");
        CHECK_FALSE(right.receive());
        CHECK_FALSE(right.receive());
    }
    SECTION("the sender gets false, not a signal") {
        right.close();
        CHECK_FALSE(left.send("nobody hears"));
    }
    SECTION("a peer that left with unread messages is just gone") {
        CHECK(left.send("unread"));
        right.close();
        CHECK_FALSE(left.receive());
    }
    SECTION("an empty packet counts as the end") {
        sendRaw(left.fd(), "", {});
        CHECK_FALSE(right.receive());
    }
}

TEST_CASE("a non-blocking channel says EAGAIN, with nothing waiting or a peer that does not read", "[channel]") {
    auto [left, right] = Channel::pair();
    sys::setNonBlocking(left.fd());
    CHECK(errorCode([&, &in = left] { static_cast<void>(in.receive()); }) == EAGAIN);
    const std::string big(100000, 'b');
    int sent = 0;
    const int code = errorCode([&, &out = left] {
        while (sent < 100000) {
            out.send(big);
            ++sent;
        }
    });
    CHECK(code == EAGAIN);
    CHECK(sent > 0);
}

TEST_CASE("listen, connect and accept make a channel", "[channel]") {
    const test::TestFolder folder;
    const std::string path = folder / "socket";
    const UniqueFd listener = Channel::listen(path);
    CHECK(test::modeOf(path) == 0600);
    CHECK_FALSE(Channel::accept(listener.get()));
    Channel client = Channel::connect(path);
    auto server = Channel::accept(listener.get());
    REQUIRE(server);
    CHECK((::fcntl(server->fd(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(client.send("hello"));
    CHECK(server->receive()->data == "hello");
    CHECK_FALSE(Channel::accept(listener.get()));
    CHECK(sys::listDirectory(folder.path()) == std::vector<std::string>{"socket"});
}

TEST_CASE("listening replaces what was at the path", "[channel]") {
    const test::TestFolder folder;
    const std::string path = folder / "socket";
    SECTION("a stale socket") {
        Channel::listen(path).reset();
        CHECK(errorCode([&] { Channel::connect(path); }) == ECONNREFUSED);
    }
    SECTION("a file") {
        test::write(path, "in the way");
    }
    SECTION("a link, without touching where it leads") {
        test::write(folder / "victim", "untouched");
        REQUIRE(::symlink("victim", path.c_str()) == 0);
    }
    const UniqueFd listener = Channel::listen(path);
    CHECK(Channel::connect(path));
    if (test::present(folder / "victim")) {
        CHECK(test::read(folder / "victim") == "untouched");
    }
}

TEST_CASE("connecting where nobody is, or by a path too long for a socket, is an error", "[channel]") {
    const test::TestFolder folder;
    CHECK(errorCode([&] { Channel::connect(folder / "none"); }) == ENOENT);
    CHECK(errorCode([&] { Channel::connect(folder / std::string(200, 'n')); }) == ENAMETOOLONG);
    CHECK(errorCode([&] { Channel::listen(folder / std::string(200, 'n')).reset(); }) == ENAMETOOLONG);
    CHECK(sys::listDirectory(folder.path()).empty());
}
