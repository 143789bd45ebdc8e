#include "workers.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cstdlib>

#include <nlohmann/json.hpp>

#include "border.hpp"
#include "spawn.hpp"
#include "sys/error.hpp"
#include "sys/process.hpp"

namespace zoned::daemon {
namespace {

// A longer line is no message of ours.
constexpr std::size_t maxLine = 64 * 1024;

/// What a worker needs to know of ours: the way to the packages, if it leads over a proxy.
std::vector<std::string> environment() {
    std::vector<std::string> result{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                    "LC_ALL=C.UTF-8"};
    for (const char* name : {"http_proxy", "https_proxy", "no_proxy"}) {
        if (const char* value = secure_getenv(name)) {
            result.push_back(std::string(name) + "=" + value);
        }
    }
    return result;
}

zone::FaultKind kindOf(const std::string& text) {
    if (text == "badArchive") {
        return zone::FaultKind::badArchive;
    }
    return text == "cancelled" ? zone::FaultKind::cancelled : zone::FaultKind::failed;
}

} // namespace

Workers::~Workers() {
    for (const auto& [id, worker] : workers_) {
        kill(worker.pid, SIGTERM);
    }
}

std::uint64_t Workers::start(const std::vector<std::string>& arguments, sys::UniqueFd input, Progress progress,
                             End end) {
    int ends[2];
    sys::check(pipe2(ends, O_CLOEXEC), "making a pipe to a worker");
    sys::UniqueFd output(ends[0]);
    const sys::UniqueFd write(ends[1]);
    sys::check(fcntl(output.get(), F_SETFL, O_NONBLOCK), "making a worker's pipe non-blocking");

    Program program{{program_}, environment(), {{STDOUT_FILENO, write.get()}}};
    program.argv.insert(program.argv.end(), arguments.begin(), arguments.end());
    if (input) {
        program.descriptors.emplace_back(STDIN_FILENO, input.get());
    }
    const pid_t pid = spawn(program);

    const std::uint64_t id = ++last_;
    Worker& worker = workers_[id];
    worker.pid = pid;
    worker.output = std::move(output);
    worker.progress = std::move(progress);
    worker.end = std::move(end);
    worker.exitSource = loop_.onExit(pid, [this, id](int status) { ended(id, status); });
    worker.outputSource = loop_.watch(worker.output.get(), EPOLLIN, [this, id](std::uint32_t) {
        Worker& self = workers_.at(id);
        if (!read(self)) {
            self.outputSource.reset();
        }
    });
    return id;
}

void Workers::cancel(std::uint64_t id) {
    const auto found = workers_.find(id);
    if (found == workers_.end() || found->second.cancelled) {
        return;
    }
    Worker& worker = found->second;
    worker.cancelled = true;
    kill(worker.pid, SIGTERM);
    worker.killTimer = loop_.after(std::chrono::seconds(10), [pid = worker.pid] { kill(pid, SIGKILL); });
}

/// Reads what is there; false at the end of the output, or of our patience with it.
bool Workers::read(Worker& worker) {
    char buffer[4096];
    for (;;) {
        const ssize_t count = ::read(worker.output.get(), buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0 && errno == EAGAIN) {
            return true;
        }
        if (count <= 0) {
            return false;
        }
        worker.unread.append(buffer, static_cast<std::size_t>(count));
        for (std::size_t line = worker.unread.find('\n'); line != std::string::npos; line = worker.unread.find('\n')) {
            take(worker, worker.unread.substr(0, line));
            worker.unread.erase(0, line + 1);
        }
        if (worker.unread.size() > maxLine) {
            worker.said = zone::Fault(zone::FaultKind::failed, "the worker's output is not understood");
            return false;
        }
    }
}

void Workers::take(Worker& worker, const std::string& line) {
    const nlohmann::json message = nlohmann::json::parse(line, nullptr, false);
    try {
        if (message.contains("progress")) {
            if (!worker.cancelled) {
                const double progress = message.at("progress").get<double>();
                const std::string said = message.value("message", "");
                attempt("noting how far a worker is", [&] { worker.progress(progress, said); });
            }
        } else if (message.contains("result")) {
            const nlohmann::json& result = message.at("result");
            worker.said = WorkerResult{result.value("bytes", std::uint64_t{0}), result.value("files", std::uint64_t{0}),
                                       result.value("osName", ""), result.value("notes", std::vector<std::string>{}),
                                       result.value("found", std::map<std::string, std::int64_t>{})};
        } else {
            worker.said = zone::Fault(kindOf(message.value("kind", "failed")), message.at("error").get<std::string>());
        }
    } catch (const nlohmann::json::exception&) {
        worker.said = zone::Fault(zone::FaultKind::failed, "the worker's output is not understood: " + line);
    }
}

void Workers::ended(std::uint64_t id, int status) {
    auto node = workers_.extract(id);
    Worker& worker = node.mapped();
    read(worker);
    if (worker.cancelled) {
        worker.end(zone::Fault(zone::FaultKind::cancelled, "cancelled on request"));
    } else if (const auto* fault = std::get_if<zone::Fault>(&worker.said)) {
        worker.end(*fault);
    } else if (const auto* result = std::get_if<WorkerResult>(&worker.said); result != nullptr && status == 0) {
        worker.end(*result);
    } else {
        worker.end(zone::Fault(zone::FaultKind::failed, "the worker " + sys::describeExit(status)));
    }
}

} // namespace zoned::daemon
