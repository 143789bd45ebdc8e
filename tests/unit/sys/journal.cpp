#include "sys/journal.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include "support/catch.hpp"
#include "support/test_folder.hpp"
#include "sys/error.hpp"

using namespace zoned;
using sys::JournalField;

namespace {

sys::UniqueFd listenAt(const std::string& path) {
    sys::UniqueFd socket(sys::check(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket"));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    sys::check(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
    return socket;
}

std::string datagram(int socket) {
    std::array<char, 4096> text;
    const ssize_t length = ::recv(socket, text.data(), text.size(), 0);
    return length < 0 ? "" : std::string(text.data(), static_cast<std::size_t>(length));
}

} // namespace

TEST_CASE("a field of one line is NAME=value", "[journal]") {
    const std::array<JournalField, 2> fields{{{"MESSAGE", "a=b"}, {"ZONE", "web"}}};
    CHECK(sys::journalDatagram(fields) == "MESSAGE=a=b\nZONE=web\n");
}

TEST_CASE("a value with line feeds follows its length, so that it cannot add fields", "[journal]") {
    const std::array<JournalField, 1> fields{{{"MESSAGE", "one\nZONE=other"}}};
    const std::string length("\x0e\0\0\0\0\0\0\0", 8);
    CHECK(sys::journalDatagram(fields) == "MESSAGE\n" + length + "one\nZONE=other\n");
}

TEST_CASE("a message is sent to the socket, also to one that was made anew", "[journal]") {
    const test::TestFolder scratch;
    const std::string path = scratch / "socket";
    sys::JournalSocket journal(path);
    const std::array<JournalField, 1> fields{{{"MESSAGE", "hello"}}};
    CHECK_FALSE(journal.send(fields)); // no journald
    {
        const auto socket = listenAt(path);
        CHECK(journal.send(fields));
        CHECK(datagram(socket.get()) == "MESSAGE=hello\n");
    }
    CHECK_FALSE(journal.send(fields)); // it has ended
    ::unlink(path.c_str());
    const auto socket = listenAt(path);
    CHECK(journal.send(fields));
    CHECK(datagram(socket.get()) == "MESSAGE=hello\n");
}

TEST_CASE("a journal that does not keep up is not waited for", "[journal]") {
    const test::TestFolder scratch;
    const std::string path = scratch / "socket";
    const auto socket = listenAt(path);
    sys::JournalSocket journal(path);
    const std::array<JournalField, 1> fields{{{"MESSAGE", "hello"}}};
    bool lost = false;
    for (int count = 0; count < 100'000 && !lost; ++count) {
        lost = !journal.send(fields);
    }
    CHECK(lost);
}
