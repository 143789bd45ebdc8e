#include "sys/cgroup.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <sstream>

#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::sys {

namespace {

/// Removes the cgroups below an open one, deepest first. A hostile zone names them, so the walk goes by
/// descriptors and not by paths, which could grow past PATH_MAX; cgroup.max.depth bounds the recursion.
void removeBelow(int cgroup, const std::string& object) {
    const int copy = check(::openat(cgroup, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "reading the cgroup ", object);
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(copy), &::closedir);
    while (const dirent* entry = ::readdir(folder.get())) {
        const std::string name = entry->d_name;
        if (entry->d_type != DT_DIR || name == "." || name == "..") {
            continue;
        }
        const UniqueFd below(::openat(cgroup, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (below) {
            removeBelow(below.get(), object);
        }
        if (::unlinkat(cgroup, name.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT) {
            throwErrno("removing a cgroup below ", object);
        }
    }
}

bool populated(int events) {
    char text[256];
    const ssize_t length = ::pread(events, text, sizeof text, 0);
    // a cgroup that was removed meanwhile answers ENODEV
    return length > 0 &&
           std::string_view(text, static_cast<std::size_t>(length)).find("populated 1") != std::string_view::npos;
}

} // namespace

std::uint64_t oomKills(const std::string& cgroup) {
    std::uint64_t count = 0;
    try {
        std::istringstream lines(readFile(cgroup + "/memory.events").value_or(""));
        std::string key;
        for (std::uint64_t value = 0; lines >> key >> value;) {
            count = key == "oom_kill" ? value : count;
        }
    } catch (const Error&) { // NOLINT(bugprone-empty-catch): ENODEV, it was removed meanwhile
    }
    return count;
}

namespace {

std::vector<std::string> controllersIn(const std::string& file) {
    std::istringstream words(readFile(file).value_or(""));
    std::vector<std::string> names;
    for (std::string name; words >> name;) {
        names.push_back(name);
    }
    return names;
}

} // namespace

std::vector<std::string> availableControllers(const std::string& cgroup) {
    return controllersIn(cgroup + "/cgroup.controllers");
}

void enableControllers(const std::string& cgroup, const std::vector<std::string>& wanted) {
    const std::vector<std::string> available = availableControllers(cgroup);
    const std::vector<std::string> enabled = controllersIn(cgroup + "/cgroup.subtree_control");
    const auto has = [](const std::vector<std::string>& names, const std::string& name) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    for (const std::string& name : wanted) {
        if (has(available, name) && !has(enabled, name)) {
            writeKernelFile(cgroup + "/cgroup.subtree_control", "+" + name);
        }
    }
}

void makeCgroup(const std::string& cgroup) {
    if (::mkdir(cgroup.c_str(), 0755) < 0) {
        if (errno == EEXIST) {
            return;
        }
        throwErrno("making the cgroup ", cgroup);
    }
    // whatever the umask: it is /sys/fs/cgroup of a zone, whose users look at their limits there
    check(::chmod(cgroup.c_str(), 0755), "opening up the cgroup ", cgroup);
}

void delegateCgroup(const std::string& cgroup, uid_t uid, gid_t gid) {
    check(::chown(cgroup.c_str(), uid, gid), "giving the zone its cgroup ", cgroup);
    for (const char* file : {"cgroup.procs", "cgroup.threads", "cgroup.subtree_control"}) {
        const std::string path = cgroup + "/" + file;
        check(::chown(path.c_str(), uid, gid), "giving the zone ", path);
    }
}

void joinCgroup(const std::string& cgroup, pid_t pid) {
    writeKernelFile(cgroup + "/cgroup.procs", std::to_string(pid));
}

void killCgroup(const std::string& cgroup) {
    if (exists(cgroup)) {
        try {
            writeKernelFile(cgroup + "/cgroup.kill", "1");
        } catch (const Error& error) {
            if (error.code() != ENOENT && error.code() != ENODEV) {
                throw;
            }
        }
    }
}

bool waitUntilEmpty(const std::string& cgroup, std::chrono::milliseconds timeout) {
    const UniqueFd events(::open((cgroup + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
    if (!events) {
        return true;
    }
    const auto end = std::chrono::steady_clock::now() + timeout;
    while (populated(events.get())) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0) {
            return false;
        }
        pollfd wait{events.get(), POLLPRI, 0};
        ::poll(&wait, 1, static_cast<int>(left.count()));
    }
    return true;
}

void removeCgroupTree(const std::string& cgroup) {
    const UniqueFd folder(::open(cgroup.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!folder) {
        return;
    }
    removeBelow(folder.get(), cgroup);
    if (::rmdir(cgroup.c_str()) < 0 && errno != ENOENT) {
        throwErrno("removing the cgroup ", cgroup);
    }
}

std::string hierarchyRoot(const std::string& cgroup) {
    std::string path = cgroup;
    // only the root of a hierarchy has no cgroup.type
    while (path.size() > 1 && exists(path + "/cgroup.type")) {
        path.erase(path.rfind('/'));
    }
    return path;
}

std::string ownCgroup() {
    std::istringstream mounts(readFile("/proc/self/mountinfo").value_or(""));
    std::string hierarchy;
    for (std::string line; hierarchy.empty() && std::getline(mounts, line);) {
        if (line.find(" - cgroup2 ") != std::string::npos) {
            std::istringstream fields(line); // proc(5): id parent device root mount-point …
            for (int field = 0; field < 5; ++field) {
                fields >> hierarchy;
            }
        }
    }
    std::istringstream groups(readFile("/proc/self/cgroup").value_or(""));
    for (std::string line; std::getline(groups, line);) {
        if (line.rfind("0::", 0) == 0 && !hierarchy.empty()) {
            return hierarchy + line.substr(3);
        }
    }
    throw Error("finding our own cgroup: no cgroup v2 hierarchy is mounted", 0);
}

} // namespace zoned::sys
