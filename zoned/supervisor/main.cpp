// zone-supervisor: one process for each active zone. It boots the zone, is the
// parent of its init, keeps its console and lets programs in; see supervisor.hpp.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <vector>

#include "config.h"
#include "connections.hpp"
#include "platform/bringup.hpp"
#include "platform/limits.hpp"
#include "sys/cgroup.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "zone/zone_name.hpp"

namespace {

using namespace zoned;

constexpr const char* usage = "usage: zone-supervisor [--cleanup] --run DIR --log FILE --cgroup DIR|auto NAME\n"
                              "Started by zoned or by zone@NAME.service; not by hand. See zone-supervisor(8).\n";

struct Arguments {
    bool cleanup = false;
    bool ownUnit = false; // the cgroup belongs to a service manager
    supervisor::Place place;
};

Arguments parse(const std::vector<std::string>& words) {
    Arguments arguments;
    for (std::size_t at = 0; at < words.size(); ++at) {
        const std::string& word = words[at];
        const bool hasValue = at + 1 < words.size();
        if (word == "--cleanup") {
            arguments.cleanup = true;
        } else if (word == "--run" && hasValue) {
            arguments.place.runZone = words[++at];
        } else if (word == "--log" && hasValue) {
            arguments.place.logPath = words[++at];
        } else if (word == "--cgroup" && hasValue) {
            arguments.place.cgroup = words[++at];
        } else if (!word.empty() && word.front() != '-' && arguments.place.zone.empty()) {
            arguments.place.zone = word;
        } else {
            throw std::invalid_argument("unexpected argument " + word);
        }
    }
    if (arguments.place.zone.empty() || arguments.place.runZone.empty() || arguments.place.cgroup.empty()) {
        throw std::invalid_argument("NAME, --run and --cgroup are needed");
    }
    // before anything is made under it: anybody may ask systemd for zone@ANYTHING
    if (const auto problem = zone::ZoneName::problem(arguments.place.zone)) {
        throw std::invalid_argument("'" + arguments.place.zone + "' is no zone's name: " + *problem);
    }
    if (arguments.place.cgroup == "auto") {
        arguments.ownUnit = true;
        arguments.place.cgroup = sys::ownCgroup();
    }
    return arguments;
}

/// Then it has made a socket for us (as sd_listen_fds(3) has it), and our cgroup.
bool startedByZoned() {
    const char* handed = std::getenv("LISTEN_FDS");
    return handed != nullptr && std::strcmp(handed, "1") == 0;
}

/// The socket that zoned made, or one of our own.
sys::UniqueFd listener(const std::string& runZone) {
    if (startedByZoned()) {
        sys::setCloseOnExec(3);
        return sys::UniqueFd(3);
    }
    sys::makeDirectories(runZone, 0700);
    return sys::Channel::listen(runZone + "/socket");
}

/// A cgroup that has cgroups below may hold no process itself, so ours is one in the zone's.
void joinSupervisorCgroup(const std::string& zone) {
    sys::makeCgroup(zone.substr(0, zone.rfind('/')));
    sys::makeCgroup(zone);
    const std::string own = platform::supervisorCgroup(zone);
    // anew: a process is killed when it is born into a cgroup from one that cgroup.kill was written to more
    // often (Linux 6.12 to 6.18), as it was to this one if an earlier supervisor ended so
    sys::removeCgroupTree(own);
    sys::makeCgroup(own);
    sys::joinCgroup(own);
}

/// Takes the zone's cgroup away, ourselves out of it first.
void leaveCgroup(const std::string& cgroup) {
    sys::joinCgroup(sys::hierarchyRoot(cgroup));
    sys::removeCgroupTree(cgroup);
}

/// What a supervisor that was killed left: the same `down`s as ever, from the record. A zoned that is not there to
/// see it finds the mark at its next start.
int cleanUp(const Arguments& arguments) {
    const supervisor::Place& place = arguments.place;
    const std::string path = place.runZone + "/record";
    try {
        if (auto record = platform::RunRecord::find(path)) {
            sys::replaceVolatileFile(place.runZone + "/died", "");
            platform::takeDown(*record);
        }
    } catch (const platform::DamagedRecord& error) {
        std::cerr << "zone-supervisor: " << error.what() << "; what the zone's name alone tells is taken down\n";
        platform::takeDownWithoutRecord({{.zone = place.zone}, place.cgroup});
        sys::removeTree(path); // it need not be a file
    }
    if (!arguments.ownUnit) {
        sys::removeCgroupTree(place.cgroup);
    }
    (void)sys::removeFile(place.runZone + "/socket");
    return 0;
}

int supervise(const Arguments& arguments) {
    // no process of the zone may trace us or look into our descriptors when we enter it
    sys::forbidTracing();
    if (!startedByZoned()) { // else we were born there
        joinSupervisorCgroup(arguments.place.cgroup);
    }
    sys::EventLoop loop;
    // It concerns one request; leaving for it would take the zone's console, and its init's parent, away.
    loop.onFault([](const std::exception& error) { std::cerr << "zone-supervisor: " << error.what() << "\n"; });
    supervisor::Connections connections(loop, listener(arguments.place.runZone), arguments.place);
    // a stop of our unit is a clean shutdown of the zone
    const auto term = loop.onSignal(SIGTERM, [&connections] { connections.stop(); });
    const int status = loop.run();
    (void)::unlink((arguments.place.runZone + "/socket").c_str());
    connections.leaveExitFile();
    // zoned, where it is there, removes the cgroup behind us: it need not wait for a move, which takes long
    if (!arguments.ownUnit && !connections.followed()) {
        leaveCgroup(arguments.place.cgroup);
    }
    return status;
}

} // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    try {
        if (words == std::vector<std::string>{"--version"}) {
            std::cout << "zone-supervisor " ZONED_VERSION "\n";
            return 0;
        }
        if (words == std::vector<std::string>{"--help"}) {
            std::cout << usage;
            return 0;
        }
        const Arguments arguments = parse(words);
        return arguments.cleanup ? cleanUp(arguments) : supervise(arguments);
    } catch (const std::invalid_argument& error) {
        std::cerr << "zone-supervisor: " << error.what() << "\n" << usage;
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "zone-supervisor: " << error.what() << "\n";
        return 1;
    }
}
