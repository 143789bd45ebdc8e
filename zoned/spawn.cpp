#include "spawn.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>

#include "sys/error.hpp"
#include "sys/unique_fd.hpp"

namespace zoned::daemon {
namespace {

void checkSpawn(int code, const std::string& path) {
    if (code != 0) {
        throw sys::Error(sys::join("starting ", path), code);
    }
}

class Attributes {
public:
    explicit Attributes(const std::string& path) {
        checkSpawn(posix_spawnattr_init(&attributes_), path);
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes_, &none);
        posix_spawnattr_setsigdefault(&attributes_, &all);
        posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    ~Attributes() { posix_spawnattr_destroy(&attributes_); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;
    [[nodiscard]] const posix_spawnattr_t* get() const noexcept { return &attributes_; }

private:
    posix_spawnattr_t attributes_{};
};

class FileActions {
public:
    explicit FileActions(std::string path) : path_(std::move(path)) {
        checkSpawn(posix_spawn_file_actions_init(&actions_), path_);
    }
    ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;

    void null(int target, int flags) {
        checkSpawn(posix_spawn_file_actions_addopen(&actions_, target, "/dev/null", flags, 0), path_);
    }
    void place(int source, int target) {
        checkSpawn(posix_spawn_file_actions_adddup2(&actions_, source, target), path_);
    }
    void closeFrom(int first) { checkSpawn(posix_spawn_file_actions_addclosefrom_np(&actions_, first), path_); }
    [[nodiscard]] const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

private:
    std::string path_;
    posix_spawn_file_actions_t actions_{};
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    for (const std::string& text : texts) {
        // posix_spawn wants char*, and does not write to it
        result.push_back(const_cast<char*>(text.c_str()));
    }
    result.push_back(nullptr);
    return result;
}

} // namespace

pid_t spawn(const Program& program) {
    const std::string& path = program.argv.at(0);
    // Out of the way of the numbers that the program is to have, so that no dup2 hits a source still needed.
    constexpr int clear = 32;
    std::vector<sys::UniqueFd> sources;
    FileActions actions(path);
    int highest = STDERR_FILENO;
    bool input = false;
    bool output = false;
    for (const auto& [target, source] : program.descriptors) {
        sources.emplace_back(sys::check(fcntl(source, F_DUPFD_CLOEXEC, clear), "duplicating a descriptor for ", path));
        actions.place(sources.back().get(), target);
        highest = std::max(highest, target);
        input = input || target == STDIN_FILENO;
        output = output || target == STDOUT_FILENO;
    }
    if (!input) {
        actions.null(STDIN_FILENO, O_RDONLY);
    }
    if (!output) {
        actions.null(STDOUT_FILENO, O_WRONLY);
    }
    actions.closeFrom(highest + 1);

    const Attributes attributes(path);
    const std::vector<char*> argv = pointers(program.argv);
    const std::vector<char*> environment = pointers(program.environment);
    pid_t pid = -1;
    checkSpawn(posix_spawn(&pid, path.c_str(), actions.get(), attributes.get(), argv.data(), environment.data()), path);
    return pid;
}

} // namespace zoned::daemon
