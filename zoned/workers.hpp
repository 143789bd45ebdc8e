// zone-worker processes: long or dangerous work on files, out of this process.
//
// A worker writes JSON lines to its stdout: {"progress": 0.42, "message": "…"}
// any number of times, at last {"result": {…}} or {"error": "…", "kind": "…"}.
// SIGTERM asks it to give up.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "sys/event_loop.hpp"
#include "sys/unique_fd.hpp"
#include "zone/fault.hpp"

namespace zoned::daemon {

struct WorkerResult {
    std::uint64_t bytes = 0;
    std::uint64_t files = 0;
    std::string osName;
    std::vector<std::string> notes;
    std::map<std::string, std::int64_t> found; // of what was looked up
};

class Workers {
public:
    using Progress = std::function<void(double progress, const std::string& message)>;
    using End = std::function<void(const std::variant<WorkerResult, zone::Fault>& end)>;

    /// @param program path of zone-worker
    Workers(sys::EventLoop& loop, std::string program) : loop_(loop), program_(std::move(program)) {}
    ~Workers();

    /// Starts a worker; `end` is called once, later. Throws sys::Error where it cannot be started.
    /// @param input becomes its stdin, where there is one
    std::uint64_t start(const std::vector<std::string>& arguments, sys::UniqueFd input, Progress progress, End end);
    /// Asks the worker to give up, and kills it after ten seconds. `end` is called as always.
    void cancel(std::uint64_t id);

private:
    struct Worker {
        pid_t pid = -1;
        sys::UniqueFd output;
        std::string unread; // the last, unfinished line
        std::variant<std::monostate, WorkerResult, zone::Fault> said;
        bool cancelled = false;
        Progress progress;
        End end;
        sys::EventLoop::Source outputSource;
        sys::EventLoop::Source exitSource;
        sys::EventLoop::Source killTimer;
    };
    bool read(Worker& worker);
    void take(Worker& worker, const std::string& line);
    void ended(std::uint64_t id, int status);

    sys::EventLoop& loop_;
    std::string program_;
    std::map<std::uint64_t, Worker> workers_;
    std::uint64_t last_ = 0;
};

} // namespace zoned::daemon
