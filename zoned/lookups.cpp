#include "lookups.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::daemon {
namespace {

// Of one kind: a dead server must not keep us from asking about users, and not for ever from asking about others.
constexpr std::size_t maxTogether = 4;

/// Each followed by a NUL, in a file without a name: anybody can read a command line, and where a zone's mounts lie is
/// not everybody's to know.
sys::UniqueFd listOf(const std::vector<std::string>& words) {
    sys::UniqueFd file(sys::check(::memfd_create("lookup", MFD_CLOEXEC), "making a list for a worker"));
    std::string text;
    for (const std::string& word : words) {
        text += word + '\0';
    }
    sys::writeAll(file.get(), text, "a list for a worker");
    sys::check(::lseek(file.get(), 0, SEEK_SET), "rewinding a list for a worker");
    return file;
}

} // namespace

void Lookups::ask(const std::string& kind, const std::vector<std::string>& about, Then then) {
    if (about.empty()) {
        then(std::map<std::string, std::int64_t>{});
        return;
    }
    const std::uint64_t id = ++last_;
    questions_[id] = {kind, about, std::move(then), loop_.after(patience_, [this, id] { late(id); })};
    if (running_[kind] < maxTogether) {
        begin(id);
    } else {
        queue_[kind].push_back(id);
    }
}

void Lookups::begin(std::uint64_t id) {
    Question& question = questions_.at(id);
    try {
        question.worker = workers_.start(
            {question.kind}, listOf(question.about), [](double, const std::string&) {},
            [this, id, kind = question.kind](const auto& end) { ended(id, kind, end); });
        ++running_[question.kind];
    } catch (const sys::Error& error) {
        spdlog::error("{}", error.what());
        question.deadline = loop_.defer([this, id] { answer(id, std::nullopt); }); // after our caller has returned
    }
}

void Lookups::ended(std::uint64_t id, const std::string& kind, const std::variant<WorkerResult, zone::Fault>& end) {
    --running_[kind];
    if (const auto* result = std::get_if<WorkerResult>(&end)) {
        answer(id, result->found);
    } else {
        if (questions_.contains(id)) {
            spdlog::warn("looking things up: {}", std::get<zone::Fault>(end).what());
        }
        answer(id, std::nullopt);
    }
    std::deque<std::uint64_t>& queue = queue_[kind];
    while (!queue.empty() && running_[kind] < maxTogether) {
        const std::uint64_t next = queue.front();
        queue.pop_front();
        if (questions_.contains(next)) {
            begin(next);
        }
    }
}

void Lookups::late(std::uint64_t id) {
    const Question& question = questions_.at(id);
    spdlog::warn("looking up {}{} takes too long; gone on without the answer", question.about.front(),
                 question.about.size() > 1 ? " and others" : "");
    if (question.worker != 0) {
        workers_.cancel(question.worker);
    }
    answer(id, std::nullopt);
}

void Lookups::answer(std::uint64_t id, const Found& found) {
    if (const auto node = questions_.extract(id); !node.empty()) {
        node.mapped().then(found);
    }
}

} // namespace zoned::daemon
