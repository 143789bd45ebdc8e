#include "platform/launcher.hpp"

#include <sched.h>

#include "platform/bringup.hpp"
#include "platform/handshake.hpp"
#include "platform/plan.hpp"
#include "platform/zone_init.hpp"
#include "sys/error.hpp"
#include "sys/idmap.hpp"
#include "sys/namespaces.hpp"

namespace zoned::platform {

namespace {

constexpr std::uint64_t zoneNamespaces =
    CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;

void makeProcess(Bringup& bringup) {
    const BootSpec& spec = bringup.zone.spec;
    auto [ours, theirs] = sys::Channel::pair();
    sys::CloneOptions options;
    options.flags = zoneNamespaces;
    if (!spec.privileged) {
        options.flags |= CLONE_NEWUSER;
        // made by root, all zones would share root's limits (inotify, namespaces, message queues), and one could
        // take what the others and the host need; made by the zone's own user, each has limits of its own
        options.owner = spec.idBase;
    }
    // born in the payload, so that its cgroup namespace is rooted there
    options.cgroup = bringup.payload.get();
    const VolumeStage stage(bringup.mountPlaces, bringup.volumes);
    bringup.init = sys::cloneProcess(options, [&bringup, &spec, &ours = ours, &theirs = theirs] {
        ours.close(); // so that the end of the supervisor is the end of the connection
        return becomeZone(spec, bringup.mountPlaces, bringup.seccompFilter, theirs);
    });
    bringup.channel = std::move(ours);
    limitWaiting(bringup.channel);
    if (!spec.privileged) {
        sys::writeIdMaps(bringup.init.pid, spec.idBase);
        bringup.userNamespace = sys::userNamespaceOf(bringup.init.pid);
    }
}

void handOver(Bringup& bringup) {
    sendMessage(bringup.channel, "assemble", {}, {bringup.image.get(), bringup.layer.get(), bringup.dev.get()});
    // what the process holds now would only be kept busy by our copies
    bringup.image.reset();
    bringup.layer.reset();
    bringup.dev.reset();
    bringup.volumes.clear();
}

void waitUntilAssembled(Bringup& bringup) {
    Message answer = receiveMessage(bringup.channel, "assembled", 2, "the zone's file systems");
    bringup.console = std::move(answer.fds[0]);
    bringup.notify = std::move(answer.fds[1]);
    bringup.initKind = answer.words.empty() ? "" : answer.words.front();
}

void startInit(Bringup& bringup) {
    sendMessage(bringup.channel, "go", bringup.zone.spec.initArgs);
    receiveEnd(bringup.channel, "the zone's init");
    bringup.channel.close();
}

} // namespace

Step processStep(const BootSpec& spec) {
    return {"process",
            spec.privileged ? "make the zone's first process, without a user namespace: not root-safe"
                            : sys::join("make the zone's first process, in its own namespaces, ids mapped to ",
                                        spec.idBase, "-", spec.idBase + sys::idBlockSize - 1),
            makeProcess,
            {}};
}

Step handOverStep() {
    return {"hand-over", "give the process the layers and /dev", handOver, {}};
}

Step assembledStep() {
    return {"file-systems",
            "wait until root, /proc, /sys, /dev, /run, console and identity are in place",
            waitUntilAssembled,
            {}};
}

Step initStepOf(const BootSpec& spec) {
    std::string program = spec.initArgv.empty() ? "the image's init" : spec.initArgv.front();
    for (const std::string& argument : spec.initArgs) {
        program += " " + argument;
    }
    return {initStep,
            "execute " + program + ", without the capabilities and system calls that a zone is not to have",
            startInit,
            {}};
}

} // namespace zoned::platform
