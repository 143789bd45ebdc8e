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
#include "sys/process.hpp"
#include "sys/pty.hpp"

namespace zoned::platform {

namespace {

/// What the door and the program are given; all of it was computed before they were made.
struct Visit {
    const BootSpec& spec;
    const EnterRequest& request;
    const std::string& seccompFilter;
    int initPidfd;
    int hostTerminal = -1; // the slave, where the terminal is the host's
};

/// Closes every descriptor from 3 on but these.
void closeAllBut(std::vector<int> kept) {
    std::sort(kept.begin(), kept.end());
    int first = 3;
    for (const int fd : kept) {
        if (fd < first) {
            continue;
        }
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
        const std::string home = request.withoutFiles ? "/" : user.home;
        const sys::UniqueFd folder = sys::openBeneath(root, home, O_PATH | O_DIRECTORY, sys::FileType::directory);
        sys::check(::fchdir(folder.get()), "entering the home folder");
    } catch (const sys::Error&) {
        sys::check(::chdir("/"), "entering /");
    }
}

void becomeZoneRoot() {
    sys::check(::setgroups(0, nullptr), "dropping the groups");
    sys::check(::setresgid(0, 0, 0), "becoming the zone's root group");
    sys::check(::setresuid(0, 0, 0), "becoming the zone's root");
    sys::forbidTracing();
}

void becomeUser(const User& user) {
    sys::check(::setgroups(user.groups.size(), user.groups.data()), "setting the groups of ", user.name);
    sys::check(::setresgid(user.gid, user.gid, user.gid), "setting the group of ", user.name);
    sys::check(::setresuid(user.uid, user.uid, user.uid), "becoming ", user.name);
    sys::forbidTracing();
}

/// The program's own ends of its streams: one terminal, or stdin, stdout and stderr.
using Streams = std::vector<sys::UniqueFd>;

/// The code of its fault is always the one for which the supervisor tries again with a terminal of the host's: the zone
/// may have taken all of its own, or have put anything in the place of /dev/pts.
sys::Pty openZonesTerminal(int root) {
    try {
        return sys::openPty(root);
    } catch (const sys::Error& error) {
        throw sys::Error(error.what(), ENOSPC);
    }
}

/// To be called as the zone's root, who may give a terminal away.
Streams openTerminal(const Visit& visit, int root, const User& user, sys::Channel& channel) {
    Streams streams;
    if (visit.hostTerminal >= 0) {
        streams.emplace_back(visit.hostTerminal);
    } else {
        sys::Pty terminal = openZonesTerminal(root);
        sys::setWindowSize(terminal.master.get(), visit.request.rows, visit.request.columns);
        sendMessage(channel, "stdio", {}, {terminal.master.get()});
        streams.push_back(std::move(terminal.slave));
    }
    constexpr gid_t ttyGroup = 5;
    sys::check(::fchown(streams.front().get(), user.uid, ttyGroup), "giving the terminal to ", user.name);
    return streams;
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

/// To be called as the user, whose the pipes are then: only so can he open /dev/stdout.
Streams openPipes(sys::Channel& channel) {
    Pipe input = makePipe();
    Pipe output = makePipe();
    Pipe errors = makePipe();
    sendMessage(channel, "stdio", {}, {input.write.get(), output.read.get(), errors.read.get()});
    Streams streams;
    streams.push_back(std::move(input.read));
    streams.push_back(std::move(output.write));
    streams.push_back(std::move(errors.write));
    return streams;
}

void takeStreams(const Streams& streams) {
    if (streams.size() == 1) {
        sys::takeTerminal(streams.front().get());
        return;
    }
    sys::check(::setsid(), "starting a session");
    for (int fd = 0; fd < 3; ++fd) {
        sys::check(::dup2(streams[static_cast<std::size_t>(fd)].get(), fd), "connecting the program");
    }
}

/// The program itself, in the zone's pid namespace by now: seen by the zone, and so without a change of ids.
int runProgram(const Visit& visit, const User& user, const Streams& streams, sys::Channel& channel) {
    try {
        takeStreams(streams);
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
        closeAllBut({visit.initPidfd, channel.fd(), visit.hostTerminal});
        sys::leaveStreams(); // the supervisor's are the service's log
        int namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
        if (!visit.spec.privileged) {
            namespaces |= CLONE_NEWUSER; // joining the own one again is refused
        }
        sys::enterNamespaces(visit.initPidfd, namespaces);
        closeAllBut({channel.fd(), visit.hostTerminal});
        becomeZoneRoot();
        const sys::UniqueFd root = sys::openDirectory("/");
        const User user = visit.request.withoutFiles ? plainRoot() : findUser(root.get(), visit.request.user);
        Streams streams;
        if (visit.request.terminal) {
            streams = openTerminal(visit, root.get(), user, channel);
        }
        confine(visit.spec.capabilities, visit.seccompFilter);
        becomeUser(user);
        if (!visit.request.terminal) {
            streams = openPipes(channel);
        }
        enterFolder(root.get(), visit.request, user);
        const sys::Child program = sys::cloneProcess({.flags = CLONE_PARENT}, [&visit, &user, &streams, &channel] {
            return runProgram(visit, user, streams, channel);
        });
        sendMessage(channel, "started", {std::to_string(program.pid)});
    } catch (const sys::Error& error) {
        sendMessage(channel, "error", {error.action()}, {}, error.code());
        return 1;
    }
    return 0;
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
    sys::Pty terminal;
    if (request.terminal && request.hostTerminal) {
        terminal = sys::openPty(sys::openDirectory("/").get());
        sys::setWindowSize(terminal.master.get(), request.rows, request.columns);
        // the zone's root gives it to the user, and may give only what is its own
        sys::check(::fchown(terminal.slave.get(), zone.spec.idBase, zone.spec.idBase), "giving the zone a terminal");
        visit.hostTerminal = terminal.slave.get();
        entering.hostTerminal = std::move(terminal.master);
    }
    entering.door = sys::cloneProcess({.flags = 0, .cgroup = cgroup.get()},
                                      [&visit, &theirs = theirs] { return passDoor(visit, theirs); });
    entering.channel = std::move(ours);
    return entering;
}

} // namespace zoned::platform
