#include "sandbox.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <memory>

#include "extractor.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/idmap.hpp"
#include "sys/mount.hpp"
#include "sys/process.hpp"

namespace zoned::worker {

namespace {

constexpr std::array<cap_value_t, 5> keptCapabilities = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID,
                                                         CAP_SETFCAP};

void dieWithParent() {
    sys::check(::prctl(PR_SET_PDEATHSIG, SIGKILL), "tying a process to its parent");
}

void becomeRoot() {
    sys::check(::setgroups(0, nullptr), "dropping the supplementary groups");
    sys::check(::setresgid(0, 0, 0), "taking the sandbox's group");
    sys::check(::setresuid(0, 0, 0), "taking the sandbox's user");
    sys::forbidTracing();
}

void limit(__rlimit_resource resource, std::uint64_t value, std::string_view name) {
    rlimit present{};
    sys::check(::getrlimit(resource, &present), "reading the limit of ", name);
    const rlim_t bounded = std::min<rlim_t>(value, present.rlim_max);
    const rlimit wanted{bounded, bounded};
    sys::check(::setrlimit(resource, &wanted), "limiting ", name);
}

void setLimits(const SandboxOptions& options) {
    limit(RLIMIT_CORE, 0, "core dumps");
    limit(RLIMIT_NPROC, 0, "processes");
    limit(RLIMIT_NOFILE, 64, "descriptors");
    // holes count: what is written is counted where it is (Extractor)
    limit(RLIMIT_FSIZE, maxFileSize, "file sizes");
    limit(RLIMIT_CPU, options.maxSeconds, "processor time");
#ifndef __SANITIZE_ADDRESS__ // its shadow takes terabytes of address space
    // enough for xz -9 and for zstd's default window of 128 MiB, each several times over
    limit(RLIMIT_AS, 1ULL << 30, "memory");
#endif
    // writing beyond the limit shall be an error (EFBIG), not the end
    (void)::signal(SIGXFSZ, SIG_IGN);
}

void dropCapabilities() {
    for (cap_value_t cap = 0; cap < cap_max_bits(); ++cap) {
        if (std::find(keptCapabilities.begin(), keptCapabilities.end(), cap) == keptCapabilities.end()) {
            sys::check(::cap_drop_bound(cap), "dropping capability ", cap);
        }
    }
    const std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)> set(::cap_init(), &::cap_free);
    if (!set) {
        sys::throwErrno("making a capability set");
    }
    for (const cap_flag_t flag : {CAP_PERMITTED, CAP_EFFECTIVE}) {
        sys::check(::cap_set_flag(set.get(), flag, static_cast<int>(keptCapabilities.size()), keptCapabilities.data(),
                                  CAP_SET),
                   "choosing capabilities");
    }
    sys::check(::cap_set_proc(set.get()), "dropping capabilities");
    sys::check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "giving up new privileges");
}

/// 0 is the input, 1 and 2 /dev/null (so that no file being written ever gets their numbers), 3 the channel.
sys::Channel arrangeDescriptors(int input, const sys::Channel& channel) {
    const sys::UniqueFd null = sys::open("/dev/null", O_RDWR);
    constexpr int clear = 16; // above all that is placed below
    const int movedInput = sys::check(::fcntl(input, F_DUPFD, clear), "moving the archive's descriptor");
    const int movedChannel = sys::check(::fcntl(channel.fd(), F_DUPFD, clear), "moving the channel's descriptor");
    const int movedNull = sys::check(::fcntl(null.get(), F_DUPFD, clear), "moving the descriptor of /dev/null");
    sys::check(::dup2(movedInput, 0), "placing the archive's descriptor");
    sys::check(::dup2(movedNull, 1), "placing /dev/null");
    sys::check(::dup2(movedNull, 2), "placing /dev/null");
    sys::check(::dup2(movedChannel, 3), "placing the channel's descriptor");
    return sys::Channel(sys::UniqueFd(3));
}

/// Everything between the clone and the work. The mount of the folder comes over the channel, as it needs this process's
/// user namespace to be id-mapped. That is told by this process: it belongs to another user, and to look into its folder
/// in /proc would take CAP_SYS_PTRACE, which the service has not.
void enter(const SandboxOptions& options, sys::Channel& channel) {
    dieWithParent();
    {
        const sys::UniqueFd own = sys::open("/proc/self/ns/user", O_RDONLY);
        channel.send("user namespace", {own.get()});
    }
    std::optional<sys::Packet> go = channel.receive();
    if (!go || go->fds.size() != 1) {
        ::_exit(1); // the worker has ended or failed: it tells why
    }
    becomeRoot();
    dieWithParent(); // changing ids has undone it
    {
        const sys::UniqueFd mount = std::move(go->fds.front());
        sys::makeMountsPrivate();
        // any folder that every host has will do: pivot_root(2) wants a mount that is attached somewhere
        sys::attachMount(mount.get(), sys::openDirectory("/proc").get(), "the image's folder in the sandbox");
        sys::pivotRoot(mount.get());
    }
    setLimits(options);
    dropCapabilities();
}

int sandboxMain(const SandboxOptions& options, const sys::Channel& inherited, const SandboxWork& work,
                const SandboxFault& fault) {
    sys::resetSignalsAndUmask();
    (void)::signal(SIGPIPE, SIG_IGN);
    sys::Channel channel = arrangeDescriptors(options.input, inherited);
    try {
        sys::check(::close_range(4, ~0U, 0), "closing the inherited descriptors");
        enter(options, channel);
        const sys::UniqueFd root = sys::open("/", O_RDONLY | O_DIRECTORY);
        work(root.get(), channel);
        return 0;
    } catch (const std::exception& error) {
        fault(error, channel);
        return 1;
    }
}

} // namespace

Sandbox startSandbox(const SandboxOptions& options, const SandboxWork& work, const SandboxFault& fault) {
    auto [mine, theirs] = sys::Channel::pair();
    constexpr std::uint64_t namespaces =
        CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
    Sandbox sandbox;
    sandbox.child = sys::cloneProcess({.flags = namespaces, .owner = options.idBase},
                                      [&, &end = theirs] { return sandboxMain(options, end, work, fault); });
    theirs.close();
    try {
        sys::writeIdMaps(sandbox.child.pid, options.idBase);
        const std::optional<sys::Packet> told = mine.receive();
        if (!told || told->fds.size() != 1) {
            throw sys::Error("starting the sandbox: its process has ended", 0);
        }
        const sys::UniqueFd mount = sys::cloneMount(options.folder);
        sys::setMountAttributes(mount.get(), MOUNT_ATTR_IDMAP | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0,
                                told->fds.front().get(), sys::join("the mount of ", options.folder));
        if (!mine.send("go", {mount.get()})) {
            throw sys::Error("starting the sandbox: its process has ended", 0);
        }
    } catch (...) {
        sys::signalProcess(sandbox.child.pidfd.get(), SIGKILL);
        sys::waitForChild(sandbox.child.pid);
        throw;
    }
    sandbox.channel = std::move(mine);
    return sandbox;
}

} // namespace zoned::worker
