// Questions about the host whose answer may take seconds, or never come: whether there is a file on a network file
// system, who a user of a directory service is. A worker is asked, and no longer waited for than a few seconds; one that
// cannot be killed, since the kernel waits for a server, is left behind, and so many of them are enough.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sys/event_loop.hpp"
#include "workers.hpp"

namespace zoned::daemon {

class Lookups {
public:
    /// What was found, with its number; nothing where that is not known.
    using Found = std::optional<std::map<std::string, std::int64_t>>;
    using Then = std::function<void(const Found&)>;

    Lookups(sys::EventLoop& loop, Workers& workers, std::chrono::milliseconds patience = std::chrono::seconds(3))
        : loop_(loop), workers_(workers), patience_(patience) {}

    /// Which of these paths there are; at once where none is asked about, else later.
    void paths(const std::vector<std::string>& paths, Then then) { ask("find-paths", paths, std::move(then)); }
    /// Which of these accounts there are, and their numbers: "user:alice", "group:games".
    void accounts(const std::vector<std::string>& accounts, Then then) {
        ask("find-accounts", accounts, std::move(then));
    }

private:
    struct Question {
        std::string kind;
        std::vector<std::string> about;
        Then then;
        sys::EventLoop::Source deadline;
        std::uint64_t worker = 0; // 0: it waits for its turn
    };
    void ask(const std::string& kind, const std::vector<std::string>& about, Then then);
    void begin(std::uint64_t id);
    void ended(std::uint64_t id, const std::string& kind, const std::variant<WorkerResult, zone::Fault>& end);
    void late(std::uint64_t id);
    void answer(std::uint64_t id, const Found& found);

    sys::EventLoop& loop_;
    Workers& workers_;
    std::chrono::milliseconds patience_;
    std::map<std::uint64_t, Question> questions_;
    std::map<std::string, std::size_t> running_; // workers by kind, those that were given up too
    std::map<std::string, std::deque<std::uint64_t>> queue_;
    std::uint64_t last_ = 0;
};

} // namespace zoned::daemon
