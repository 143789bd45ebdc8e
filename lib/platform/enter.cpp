#include "platform/enter.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "platform/confinement.hpp"
#include "platform/handshake.hpp"
#include "platform/limits.hpp"
#include "platform/users.hpp"
#include "sys/cgroup.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/namespaces.hpp"
#include "sys/pty.hpp"

namespace zoned::platform {

namespace {

/// What the door and the program are given; all of it was computed before they were made.
struct Visit {
    const BootSpec& spec;
    const EnterRequest& request;
    const std::string& seccompFilter;
    int initPidfd;
    std::array<int, 3> stdio{-1, -1, -1}; // the program's own ends
};

/// Closes every descriptor from 3 on but these.
void closeAllBut(std::vector<int> kept) {
    std::sort(kept.begin(), kept.end());
    int first = 3;
    for (const int fd : kept) {
        if (fd > first) {
            ::close_range(static_cast<unsigned>(first), static_cast<unsigned>(fd - 1), 0);
        }
        first = std::max(first, fd + 1);
    }
    ::close_range(static_cast<unsigned>(first), ~0U, 0);
}

std::vector<std::string> environmentOf(const Visit& visit, const User& user) {
    std::map<std::string, std::string> variables{{"PATH", std::string(standardPath)},
                                                 {"container", "zoned"},
                                                 {"HOME", user.home},
                                                 {"USER", user.name},
                                                 {"LOGNAME", user.name},
                                                 {"SHELL", user.shell}};
    if (visit.request.terminal) {
        variables["TERM"] = visit.request.term;
    }
    for (const auto& [name, value] : visit.spec.environment) {
        variables[name] = value;
    }
    for (const auto& [name, value] : visit.request.environment) {
        variables[name] = value;
    }
    std::vector<std::string> result;
    for (const auto& [name, value] : variables) {
        result.push_back(name + "=" + value);
    }
    return result;
}

void enterFolder(int root, const EnterRequest& request, const User& user) {
    if (!request.cwd.empty()) {
        const sys::UniqueFd folder =
            sys::openBeneath(root, request.cwd, O_PATH | O_DIRECTORY, sys::FileType::directory);
        sys::check(::fchdir(folder.get()), "entering the folder ", request.cwd);
        return;
    }
    try {
        const sys::UniqueFd home = sys::openBeneath(root, user.home, O_PATH | O_DIRECTORY, sys::FileType::directory);
        sys::check(::fchdir(home.get()), "entering the home folder");
    } catch (const sys::Error&) {
        sys::check(::chdir("/"), "entering /");
    }
}

void becomeUser(const User& user) {
    sys::check(::setgroups(user.groups.size(), user.groups.data()), "setting the groups of ", user.name);
    sys::check(::setresgid(user.gid, user.gid, user.gid), "setting the group of ", user.name);
    sys::check(::setresuid(user.uid, user.uid, user.uid), "becoming ", user.name);
}

void takeStdio(const Visit& visit, const sys::Pty& terminal, const User& user) {
    if (visit.request.terminal) {
        constexpr gid_t ttyGroup = 5;
        sys::check(::fchown(terminal.slave.get(), user.uid, ttyGroup), "giving the terminal to ", user.name);
        sys::takeTerminal(terminal.slave.get());
        return;
    }
    sys::check(::setsid(), "starting a session");
    for (int fd = 0; fd < 3; ++fd) {
        sys::check(::dup2(visit.stdio[static_cast<std::size_t>(fd)], fd), "connecting the program");
    }
}

/// The program itself, in the zone's pid namespace by now.
int runProgram(const Visit& visit, const sys::Pty& terminal, sys::Channel& channel) {
    try {
        const sys::UniqueFd root = sys::openDirectory("/");
        const User user = findUser(root.get(), visit.request.user);
        takeStdio(visit, terminal, user);
        confine(visit.spec.capabilities, visit.seccompFilter);
        becomeUser(user);
        enterFolder(root.get(), visit.request, user);
        if (visit.request.argv.empty()) {
            const std::string name = user.shell.substr(user.shell.rfind('/') + 1);
            execute(user.shell, {"-" + name}, environmentOf(visit, user)); // a leading '-' makes a login shell
        }
        execute(visit.request.argv.front(), visit.request.argv, environmentOf(visit, user));
    } catch (const sys::Error& error) {
        sendMessage(channel, "error", {error.action()}, {}, error.code());
    }
    return 127;
}

int passDoor(const Visit& visit, sys::Channel& channel) {
    try {
        closeAllBut({visit.initPidfd, channel.fd(), visit.stdio[0], visit.stdio[1], visit.stdio[2]});
        int namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
        if (!visit.spec.privileged) {
            namespaces |= CLONE_NEWUSER; // joining the own one again is refused
        }
        sys::enterNamespaces(visit.initPidfd, namespaces);
        sys::check(::setgroups(0, nullptr), "dropping the groups");
        sys::check(::setresgid(0, 0, 0), "becoming the zone's root group");
        sys::check(::setresuid(0, 0, 0), "becoming the zone's root");
        sys::Pty terminal;
        if (visit.request.terminal) {
            const sys::UniqueFd root = sys::openDirectory("/");
            terminal = sys::openPty(root.get());
            sys::setWindowSize(terminal.master.get(), visit.request.rows, visit.request.columns);
            sendMessage(channel, "terminal", {}, {terminal.master.get()});
            terminal.master.reset();
        }
        const sys::Child program = sys::cloneProcess(
            {.flags = CLONE_PARENT}, [&visit, &terminal, &channel] { return runProgram(visit, terminal, channel); });
        sendMessage(channel, "started", {std::to_string(program.pid)});
    } catch (const sys::Error& error) {
        sendMessage(channel, "error", {error.action()}, {}, error.code());
        return 1;
    }
    return 0;
}

struct Pipe {
    sys::UniqueFd read;
    sys::UniqueFd write;
};

Pipe makePipe() {
    std::array<int, 2> ends{};
    sys::check(::pipe2(ends.data(), O_CLOEXEC), "making a pipe");
    return {sys::UniqueFd(ends[0]), sys::UniqueFd(ends[1])};
}

std::string makeLeaf(const Remains& zone, const std::string& name) {
    const std::string leaf = payloadCgroup(zone.cgroup) + "/" + name;
    sys::makeCgroup(leaf);
    sys::delegateCgroup(leaf, zone.spec.idBase, zone.spec.idBase);
    return leaf;
}

} // namespace

Entering enterZone(const Remains& zone, int initPidfd, const std::string& seccompFilter, const EnterRequest& request,
                   const std::string& leaf) {
    Entering entering;
    entering.leaf = makeLeaf(zone, leaf);
    const sys::UniqueFd cgroup = sys::openDirectory(entering.leaf);
    auto [ours, theirs] = sys::Channel::pair();
    Visit visit{zone.spec, request, seccompFilter, initPidfd};
    std::array<Pipe, 3> pipes;
    if (!request.terminal) {
        for (Pipe& pipe : pipes) {
            pipe = makePipe();
        }
        visit.stdio = {pipes[0].read.get(), pipes[1].write.get(), pipes[2].write.get()};
        entering.stdio.push_back(std::move(pipes[0].write));
        entering.stdio.push_back(std::move(pipes[1].read));
        entering.stdio.push_back(std::move(pipes[2].read));
    }
    entering.door = sys::cloneProcess({.flags = 0, .cgroup = cgroup.get()},
                                      [&visit, &theirs = theirs] { return passDoor(visit, theirs); });
    entering.channel = std::move(ours);
    return entering;
}

} // namespace zoned::platform
