#include "launcher.hpp"

#include <signal.h>
#include <unistd.h>

#include <map>
#include <set>

#include <spdlog/spdlog.h>

#include "groups.hpp"
#include "platform/limits.hpp"
#include "spawn.hpp"
#include "sys/cgroup.hpp"
#include "sys/channel.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/undo.hpp"
#include "unit_start.hpp"

namespace zoned::daemon {
namespace {

// sd_listen_fds(3)
constexpr int listenFd = 3;
// For a unit of the host that a zone needs: the longest start that is usual is 2 minutes (systemd-networkd-wait-online).
constexpr std::chrono::minutes unitPatience{5};

class DirectLauncher final : public Launcher {
public:
    DirectLauncher(sys::EventLoop& loop, const Host& host, GroupOf groupOf)
        : loop_(loop), host_(host), groupOf_(std::move(groupOf)) {}

    void start(const zone::ZoneName& name, Started then, Exited exited) override {
        prepareSlice(groupOf_(name));
        sys::makeDirectories(host_.runFolder(name.str()), 0700);
        // We listen in its place: it can be connected to before it has run its first instruction.
        const std::string socket = host_.runFolder(name.str()) + "/socket";
        const sys::UniqueFd listener = sys::Channel::listen(socket);
        sys::Undo unlisten([&] { (void)sys::removeFile(socket); });
        const std::string cgroup = plannedCgroup(slice(), name.str(), groupOf_(name));
        const sys::UniqueFd birthplace = makeSupervisorCgroup(cgroup);
        const Program program{supervisorCommand(host_, name, cgroup, false),
                              {"LISTEN_FDS=1", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                              {{listenFd, listener.get()}},
                              birthplace.get()};
        const pid_t pid = spawn(program);
        unlisten.cancel();
        Child& child = children_[name.str()];
        child.pid = pid;
        child.exit = loop_.onExit(pid, [this, key = name.str(), exited = std::move(exited)](int status) {
            const auto node = children_.extract(key);
            exited(status);
        });
        child.started = loop_.defer([then = std::move(then)] { then(std::nullopt); });
    }

    void startHostUnit(const std::string& unit, std::function<void(const std::string&)> then) override {
        const auto source = std::make_shared<sys::EventLoop::Source>(); // held by the handler, until it was called
        *source = loop_.defer(
            [source, unit, then = std::move(then)] { then("no systemd runs this host, so it has no unit " + unit); });
    }

    void kill(const zone::ZoneName& name) override {
        if (const auto found = children_.find(name.str()); found != children_.end()) {
            ::kill(found->second.pid, SIGKILL);
        }
    }

    [[nodiscard]] std::string cgroup(const zone::ZoneName& name) const override {
        return zoneCgroup(slice(), name.str(), groupOf_(name));
    }
    [[nodiscard]] bool hasMoved(const zone::ZoneName& name) const override {
        return cgroup(name) != plannedCgroup(slice(), name.str(), groupOf_(name));
    }
    void prepare(const zone::ZoneName& /*name*/) override {} // nobody else starts supervisors here
    void forget(const zone::ZoneName& /*name*/) override {}
    void removeCgroup(const zone::ZoneName& name) override {
        const std::string own = cgroup(name);
        sys::removeCgroupTree(own);
        if (const std::string above = own.substr(0, own.rfind('/')); above != slice()) {
            (void)::rmdir(above.c_str()); // a group's, when its last zone has gone
        }
    }
    void watchStops(Stops /*stops*/) override {} // zones have no units here
    [[nodiscard]] bool ownsCgroup() const override { return true; }

private:
    struct Child {
        pid_t pid = -1;
        sys::EventLoop::Source exit;
        sys::EventLoop::Source started;
    };

    [[nodiscard]] std::string slice() const { return host_.cgroupRoot + "/" + host_.settings.cgroup; }

    /// The controllers that a zone may want reach it only through every cgroup above it.
    void prepareSlice(const std::string& group) {
        const std::vector<std::string> wanted{"cpu", "cpuset", "io", "memory", "pids"};
        const std::string folders = host_.settings.cgroup + "/" + (group.empty() ? "" : groupSlice(group) + "/");
        try {
            for (std::string folder = host_.cgroupRoot; const char c : "/" + folders) {
                if (c == '/' && folder.back() != '/') {
                    sys::makeCgroup(folder);
                    sys::enableControllers(folder, wanted);
                }
                folder += c;
            }
        } catch (const sys::Error& error) {
            // A boot that needs what is missing fails with its own words; one that does not may go on.
            spdlog::warn("{}", error.what());
        }
        if (!group.empty()) {
            limitGroup(host_, slice(), group);
        }
    }

    static sys::UniqueFd makeSupervisorCgroup(const std::string& zone) {
        sys::makeCgroup(zone);
        // anew: a process is killed when it is born into a cgroup that cgroup.kill was ever written to (Linux 6.12 to
        // 6.18), as it was to this one if an earlier supervisor ended so
        sys::removeCgroupTree(platform::supervisorCgroup(zone));
        sys::makeCgroup(platform::supervisorCgroup(zone));
        return sys::openDirectory(platform::supervisorCgroup(zone));
    }

    sys::EventLoop& loop_;
    const Host& host_;
    GroupOf groupOf_;
    std::map<std::string, Child> children_;
};

class SystemdLauncher final : public Launcher {
public:
    SystemdLauncher(sys::EventLoop& loop, const Host& host, Bus& bus, GroupOf groupOf, ResourcesOf resourcesOf)
        : loop_(loop), host_(host), bus_(bus), groupOf_(std::move(groupOf)), resourcesOf_(std::move(resourcesOf)),
          units_(host, "/run/systemd/system") {}

    void start(const zone::ZoneName& name, Started then, Exited exited) override {
        // systemd reaps it; its end is seen by the socket
        (void)exited;
        const std::uint64_t launch = launches_[name] = ++lastLaunch_;
        if (!units_.place(name, groupOf_(name), resourcesOf_(name)) && !reload_) {
            startUnit(name, launch, std::move(then));
            return;
        }
        reload_.reset();
        bus_.reloadUnits([this, name, launch, then = std::move(then)](const std::string& problem) {
            const auto current = launches_.find(name);
            if (current == launches_.end() || current->second != launch) {
                return; // given up meanwhile
            }
            if (problem.empty()) {
                limitSlice(groupOf_(name));
                startUnit(name, launch, then);
            } else {
                then(zone::Fault(zone::FaultKind::failed,
                                 "making systemd read the unit " + unit(name) + " again, for its group: " + problem));
            }
        });
    }

    void startHostUnit(const std::string& unit, std::function<void(const std::string&)> then) override {
        startWithin(loop_, unitPatience, std::move(then),
                    [this, &unit](UnitStarted started) { bus_.startUnit(unit, std::move(started)); });
    }

    /// It may be that its unit's start is still queued, or waits for one of ours: then there is no process to kill, and
    /// nobody is to boot the zone when systemd comes to it.
    void kill(const zone::ZoneName& name) override {
        launches_.erase(name);
        bus_.killUnit(unit(name), SIGKILL);
        bus_.stopUnit(unit(name));
    }

    [[nodiscard]] std::string cgroup(const zone::ZoneName& name) const override {
        return zoneCgroup(slice(), unit(name), groupOf_(name));
    }
    [[nodiscard]] bool hasMoved(const zone::ZoneName& name) const override {
        return cgroup(name) != plannedCgroup(slice(), unit(name), groupOf_(name));
    }
    void prepare(const zone::ZoneName& name) override {
        if (hasMoved(name)) {
            return; // the unit of a zone that is up stays where it is; it is placed when it is down
        }
        try {
            if (units_.place(name, groupOf_(name), resourcesOf_(name)) && !reload_) {
                reload_ = loop_.defer([this] {
                    reload_.reset();
                    bus_.reloadUnits([this](const std::string& problem) {
                        if (!problem.empty()) {
                            spdlog::warn("making systemd read the units of zones again: {}", problem);
                        }
                        for (const auto& [group, limits] : host_.settings.groups) {
                            limitSlice(group);
                        }
                    });
                });
            }
        } catch (const sys::Error& error) {
            spdlog::warn("zone {}: its unit cannot be put into its group: {}", name.str(), error.what());
        }
    }
    void forget(const zone::ZoneName& name) override {
        prepare(name);
        bus_.resetFailedUnit(unit(name));
    }
    void removeCgroup(const zone::ZoneName& /*name*/) override {} // systemd's to remove
    /// A stop that finds its unit inactive does nothing, but it is a job, and its begin and end are told like any
    /// other's; what kind of job it was is not. A start that is done leaves the unit active; so what is done and leaves
    /// it inactive was a stop. What machined asks for has begun before we are told that the machine is gone: systemd
    /// tells of a job before it answers who asked for it.
    void watchStops(Stops stops) override {
        stops_ = std::move(stops);
        bus_.watchUnitJobs({[this](const std::string& job, const std::string& of) {
                                const auto name = zoneOf(of);
                                if (name && stops_.waits(*name) && !stops_.tidied(*name)) {
                                    jobs_.insert(job);
                                }
                            },
                            [this](const std::string& job, const std::string& of, bool good) {
                                if (jobs_.erase(job) > 0 && good) {
                                    jobDone(of);
                                }
                            }});
    }
    [[nodiscard]] bool ownsCgroup() const override { return false; }

private:
    static std::string unit(const zone::ZoneName& name) { return "zone@" + name.str() + ".service"; }
    void jobDone(const std::string& of) {
        bus_.askUnitState(of, [this, of](const std::string& state) {
            const auto name = zoneOf(of);
            if (name && stops_.waits(*name) && (state == "inactive" || state == "failed")) {
                stops_.stopped(*name);
            }
        });
    }
    /// The zone whose unit that is; nothing for another unit.
    static std::optional<zone::ZoneName> zoneOf(const std::string& unitName) {
        constexpr std::string_view begin = "zone@";
        constexpr std::string_view end = ".service";
        if (!unitName.starts_with(begin) || !unitName.ends_with(end)) {
            return std::nullopt;
        }
        const std::string name = unitName.substr(begin.size(), unitName.size() - begin.size() - end.size());
        return zone::ZoneName::problem(name) ? std::nullopt : std::optional(zone::ZoneName(name));
    }
    [[nodiscard]] std::string slice() const { return host_.cgroupRoot + "/zones.slice"; }

    /// From version 257 on systemd leaves the limits of a slice that is up alone when it reads its unit again.
    void limitSlice(const std::string& group) {
        if (group.empty()) {
            return;
        }
        try {
            limitGroup(host_, slice(), group);
        } catch (const sys::Error& error) {
            spdlog::warn("the limits of the group {}: {}", group, error.what());
        }
    }

    void startUnit(const zone::ZoneName& name, std::uint64_t launch, Started then) {
        bus_.startUnit(unit(name), [this, launch, then = std::move(then), name](const std::string& problem) {
            if (const auto last = launches_.find(name); last == launches_.end() || last->second != launch) {
                return; // that start was given up: its end says nothing of the one after it
            }
            if (problem.empty()) {
                then(std::nullopt);
            } else {
                then(zone::Fault(zone::FaultKind::failed,
                                 "starting " + unit(name) + ": " + problem + "; see journalctl -u " + unit(name)));
            }
        });
    }

    sys::EventLoop& loop_;
    const Host& host_;
    Bus& bus_;
    GroupOf groupOf_;
    ResourcesOf resourcesOf_;
    GroupUnits units_;
    sys::EventLoop::Source reload_;
    std::uint64_t lastLaunch_ = 0;
    std::map<zone::ZoneName, std::uint64_t> launches_; // the last one of each, unless it was given up
    Stops stops_;
    std::set<std::string> jobs_; // that may be stops of zones
};

} // namespace

std::unique_ptr<Launcher> directLauncher(sys::EventLoop& loop, const Host& host, GroupOf groupOf) {
    return std::make_unique<DirectLauncher>(loop, host, std::move(groupOf));
}

std::unique_ptr<Launcher> systemdLauncher(sys::EventLoop& loop, const Host& host, Bus& bus, GroupOf groupOf,
                                          ResourcesOf resourcesOf) {
    return std::make_unique<SystemdLauncher>(loop, host, bus, std::move(groupOf), std::move(resourcesOf));
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
