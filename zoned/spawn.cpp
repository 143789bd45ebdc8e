#include "spawn.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::daemon {
namespace {

// Above the numbers that a program is to have, so that no dup2 hits a source that is still needed.
constexpr int clear = 32;

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    for (const std::string& text : texts) {
        // execve wants char*, and does not write to it
        result.push_back(const_cast<char*>(text.c_str()));
    }
    result.push_back(nullptr);
    return result;
}

int duplicateAbove(int fd, const std::string& path) {
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, clear);
    if (copy < 0 && errno == EINVAL) {
        errno = EMFILE; // the limit is so low that there are no such numbers
    }
    return sys::check(copy, "duplicating a descriptor for ", path);
}

void placeDescriptors(const std::vector<std::pair<int, sys::UniqueFd>>& sources) {
    const sys::UniqueFd null = sys::open("/dev/null", O_RDWR);
    sys::check(::dup2(null.get(), STDIN_FILENO), "taking /dev/null as input");
    sys::check(::dup2(null.get(), STDOUT_FILENO), "taking /dev/null as output");
    for (const auto& [target, source] : sources) {
        sys::check(::dup2(source.get(), target), "placing a descriptor");
    }
}

/// In the new process; returns only where it fails. All else that is open closes on exec.
void become(char* const* argv, char* const* environment, const std::vector<std::pair<int, sys::UniqueFd>>& sources) {
    ::setsid();
    sys::closeOnExecFrom(STDERR_FILENO + 1);
    placeDescriptors(sources);
    sys::resetSignals();
    ::execve(argv[0], argv, environment);
}

} // namespace

pid_t spawn(const Program& program) {
    const std::string& path = program.argv.at(0);
    std::vector<std::pair<int, sys::UniqueFd>> sources;
    for (const auto& [target, source] : program.descriptors) {
        sources.emplace_back(target, duplicateAbove(source, path));
    }
    const std::vector<char*> argv = pointers(program.argv);
    const std::vector<char*> environment = pointers(program.environment);
    // tells the error of an execve that fails, and closes at one that does not
    std::array<int, 2> pipe{};
    sys::check(::pipe2(pipe.data(), O_CLOEXEC), "making a pipe to start ", path);
    const sys::UniqueFd result(pipe[0]);
    sys::UniqueFd end(pipe[1]);
    sys::UniqueFd report(duplicateAbove(end.get(), path));
    end.reset();
    sys::CloneOptions options;
    options.cgroup = program.cgroup;
    options.borrow = true;
    const sys::Child child = sys::cloneProcess(options, [&] {
        try {
            become(argv.data(), environment.data(), sources);
        } catch (const sys::Error& error) {
            errno = error.code();
        }
        const int code = errno;
        return ::write(report.get(), &code, sizeof code) == sizeof code ? 127 : 126;
    });
    report.reset();
    int code = 0;
    if (::read(result.get(), &code, sizeof code) == sizeof code) {
        (void)sys::waitForChild(child.pid);
        throw sys::Error("starting " + path, code);
    }
    return child.pid;
}

} // namespace zoned::daemon
