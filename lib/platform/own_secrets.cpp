#include "platform/own_secrets.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include "platform/confinement.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "zone/own_secrets.hpp"

namespace zoned::platform {

namespace {

bool isLacking(const zone::OwnSecret& secret) {
    const auto there = [](const char* file) { return file != nullptr && sys::exists(sys::join("/", file)); };
    return std::ranges::none_of(secret.files, there) && there(secret.usedBy) && sys::exists(secret.command.front());
}

int runCommand(const zone::OwnSecret& secret, int console) {
    std::vector<std::string> argv;
    for (const char* word : secret.command) {
        if (word != nullptr) {
            argv.emplace_back(word);
        }
    }
    try {
        sys::check(::setsid(), "making a session");
        const sys::UniqueFd null = sys::open("/dev/null", O_RDONLY);
        sys::check(::dup2(null.get(), STDIN_FILENO), "placing /dev/null");
        sys::check(::dup2(console, STDOUT_FILENO), "placing the console");
        sys::check(::dup2(console, STDERR_FILENO), "placing the console");
        sys::closeOnExecFrom(STDERR_FILENO + 1);
        execute(argv.front(), argv, {"PATH=" + std::string(standardPath), "HOME=/root", "LANG=C.UTF-8"});
    } catch (const std::exception&) {
        // it is seen by what is not there
    }
    return 127;
}

void make(const zone::OwnSecret& secret, int console, std::chrono::steady_clock::time_point deadline) {
    const sys::Child child = sys::cloneProcess({}, [&] { return runCommand(secret, console); });
    pollfd end{child.pidfd.get(), POLLIN, 0};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (::poll(&end, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) <= 0) {
        (void)::kill(-child.pid, SIGKILL); // its session's other processes, too
        (void)::kill(child.pid, SIGKILL);
    }
    (void)sys::waitForChild(child.pid);
}

} // namespace

void makeOwnSecrets(int console) noexcept {
    // An RSA key takes a second, on a small machine a few. The supervisor waits for us, 30 s and no longer.
    constexpr std::chrono::seconds patience{15};
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (const zone::OwnSecret& secret : zone::ownSecrets) {
        try {
            if (isLacking(secret) && std::chrono::steady_clock::now() < deadline) {
                make(secret, console, deadline);
            }
        } catch (const std::exception&) {
            // a loop of links in the zone, no process to be had: the zone boots without
        }
    }
}

} // namespace zoned::platform
