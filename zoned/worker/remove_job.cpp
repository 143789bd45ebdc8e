#include "remove_job.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

#include "sys/channel.hpp"
#include "sys/error.hpp"
#include "sys/event_loop.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"

namespace zoned::worker {

namespace {

void checkFolder(const std::string& folder) {
    if (folder.size() < 2 || folder.front() != '/' || folder.find("/../") != std::string::npos ||
        folder.ends_with("/..") || folder.find_first_not_of('/') == std::string::npos) {
        throw Failure(FailureKind::failed,
                      sys::join("'", printable(folder), "' is not the absolute path of a folder to remove"));
    }
}

/// The work itself, in a process of its own: removing a tree answers no signal, a process can be ended.
int removeAll(const std::vector<std::string>& folders, Report& report, sys::Channel& channel) {
    sys::resetSignalsAndUmask();
    sys::check(::prctl(PR_SET_PDEATHSIG, SIGKILL), "tying a process to its parent");
    int status = 0;
    for (const std::string& folder : folders) {
        try {
            report.progress(-1, "removing " + folder);
            sys::removeTree(folder);
        } catch (const std::exception& fault) {
            // the others can still go; the first fault is the one told
            channel.send(fault.what());
            status = 1;
        }
    }
    return status;
}

} // namespace

void removeTrees(const std::vector<std::string>& folders, Report& report) {
    for (const std::string& folder : folders) {
        checkFolder(folder);
    }
    sys::EventLoop loop;
    auto [mine, theirs] = sys::Channel::pair();
    const sys::Child child = sys::cloneProcess({}, [&, &end = theirs] { return removeAll(folders, report, end); });
    theirs.close();
    bool cancelled = false;
    int status = 0;
    const auto cancel = [&] {
        cancelled = true;
        sys::signalProcess(child.pidfd.get(), SIGKILL);
    };
    const auto terminate = loop.onSignal(SIGTERM, cancel);
    const auto interrupt = loop.onSignal(SIGINT, cancel);
    const auto ended = loop.onExit(child.pid, [&](int how) {
        status = how;
        loop.quit();
    });
    loop.run();
    if (cancelled) {
        throw Failure(FailureKind::cancelled, "the removal was cancelled");
    }
    if (status != 0) {
        const auto sentence = mine.receive();
        throw Failure(FailureKind::failed, sentence ? printable(sentence->data, 1000)
                                                    : "the process that removes files " + sys::describeExit(status));
    }
}

} // namespace zoned::worker
