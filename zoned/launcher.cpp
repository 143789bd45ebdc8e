#include "launcher.hpp"

#include <signal.h>

#include <map>

#include <spdlog/spdlog.h>

#include "spawn.hpp"
#include "sys/cgroup.hpp"
#include "sys/channel.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::daemon {
namespace {

// sd_listen_fds(3)
constexpr int listenFd = 3;

class DirectLauncher final : public Launcher {
public:
    DirectLauncher(sys::EventLoop& loop, const Host& host) : loop_(loop), host_(host) {}

    void start(const zone::ZoneName& name, Started then, Exited exited) override {
        prepareSlice();
        sys::makeDirectories(host_.runFolder(name.str()), 0700);
        // We listen in its place: it can be connected to before it has run its first instruction.
        const sys::UniqueFd listener = sys::Channel::listen(host_.runFolder(name.str()) + "/socket");
        Program program{supervisorCommand(host_, name, cgroup(name), false),
                        {"LISTEN_FDS=1", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                        {{listenFd, listener.get()}}};
        const pid_t pid = spawn(program);
        Child& child = children_[name.str()];
        child.pid = pid;
        child.exit = loop_.onExit(pid, [this, key = name.str(), exited = std::move(exited)](int status) {
            const auto node = children_.extract(key);
            exited(status);
        });
        child.started = loop_.defer([then = std::move(then)] { then(std::nullopt); });
    }

    void kill(const zone::ZoneName& name) override {
        if (const auto found = children_.find(name.str()); found != children_.end()) {
            ::kill(found->second.pid, SIGKILL);
        }
    }

    [[nodiscard]] std::string cgroup(const zone::ZoneName& name) const override { return slice() + "/" + name.str(); }
    [[nodiscard]] bool ownsCgroup() const override { return true; }

private:
    struct Child {
        pid_t pid = -1;
        sys::EventLoop::Source exit;
        sys::EventLoop::Source started;
    };

    [[nodiscard]] std::string slice() const { return host_.cgroupRoot + "/" + host_.settings.cgroup; }

    /// The controllers that a zone may want reach it only through every cgroup above it.
    void prepareSlice() {
        const std::vector<std::string> wanted{"cpu", "io", "memory", "pids"};
        try {
            sys::makeCgroup(slice());
            for (std::string folder = host_.cgroupRoot; const char c : "/" + host_.settings.cgroup + "/") {
                if (c == '/' && folder.back() != '/') {
                    sys::enableControllers(folder, wanted);
                }
                folder += c;
            }
        } catch (const sys::Error& error) {
            // A boot that needs what is missing fails with its own words; one that does not may go on.
            spdlog::warn("{}", error.what());
        }
    }

    sys::EventLoop& loop_;
    const Host& host_;
    std::map<std::string, Child> children_;
};

class SystemdLauncher final : public Launcher {
public:
    SystemdLauncher(const Host& host, Bus& bus) : host_(host), bus_(bus) {}

    void start(const zone::ZoneName& name, Started then, Exited exited) override {
        // systemd reaps it; its end is seen by the socket
        (void)exited;
        bus_.startUnit(unit(name), [then = std::move(then), name](const std::string& problem) {
            if (problem.empty()) {
                then(std::nullopt);
            } else {
                then(zone::Fault(zone::FaultKind::failed,
                                 "starting " + unit(name) + ": " + problem + "; see journalctl -u " + unit(name)));
            }
        });
    }

    void kill(const zone::ZoneName& name) override { bus_.killUnit(unit(name), SIGKILL); }

    [[nodiscard]] std::string cgroup(const zone::ZoneName& name) const override {
        return host_.cgroupRoot + "/zones.slice/" + unit(name);
    }
    [[nodiscard]] bool ownsCgroup() const override { return false; }

private:
    static std::string unit(const zone::ZoneName& name) { return "zone@" + name.str() + ".service"; }

    const Host& host_;
    Bus& bus_;
};

} // namespace

std::unique_ptr<Launcher> directLauncher(sys::EventLoop& loop, const Host& host) {
    return std::make_unique<DirectLauncher>(loop, host);
}

std::unique_ptr<Launcher> systemdLauncher(const Host& host, Bus& bus) {
    return std::make_unique<SystemdLauncher>(host, bus);
}

std::vector<std::string> supervisorCommand(const Host& host, const zone::ZoneName& name, const std::string& cgroup,
                                           bool cleanUp) {
    std::vector<std::string> argv{host.supervisorProgram};
    if (cleanUp) {
        argv.emplace_back("--cleanup");
    }
    for (const std::string& word : {std::string("--run"), host.runFolder(name.str()), std::string("--log"),
                                    host.consoleLog(name.str()), std::string("--cgroup"), cgroup, name.str()}) {
        argv.push_back(word);
    }
    return argv;
}

} // namespace zoned::daemon
