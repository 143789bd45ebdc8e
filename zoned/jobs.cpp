#include "jobs.hpp"

#include <algorithm>
#include <ctime>

#include "sys/error.hpp"
#include "zone/public_text.hpp"

namespace zoned::daemon {
namespace {

// A job that is quicker is told by its end alone; nobody can read what changes faster.
constexpr std::chrono::milliseconds reportPause{100};
// Enough for whoever started many at once to read how each of them ended.
constexpr std::size_t pastJobs = 512;

std::string clockText(std::chrono::system_clock::time_point when) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(when);
    std::tm local{};
    localtime_r(&seconds, &local);
    char text[16];
    return {text, std::strftime(text, sizeof text, "%H:%M:%S", &local)};
}

} // namespace

std::string_view JobEnd::result() const noexcept {
    if (!fault) {
        return "done";
    }
    return *fault == zone::FaultKind::cancelled ? "cancelled" : "failed";
}

std::string JobEnd::publicText() const {
    if (text.empty()) {
        return "";
    }
    if (!fault) {
        return "there are warnings; those who may see its details are told them";
    }
    return *fault == zone::FaultKind::cancelled ? "it was cancelled" : zone::publicReason(text);
}

std::string holdText(const Hold& hold) {
    if (hold.what == Held::host) {
        return "the host";
    }
    return (hold.what == Held::zone ? "zone " : "image ") + hold.name;
}

const JobInfo* Jobs::holder(const Hold& hold) const {
    const auto found = holders_.find(hold);
    return found == holders_.end() ? nullptr : &jobs_.at(found->second).info;
}

void Jobs::requireFree(const Hold& hold) const {
    if (const JobInfo* job = holder(hold)) {
        throw zone::Fault(zone::FaultKind::busy, sys::join(holdText(hold), " is busy: job ", job->id, " (", job->kind,
                                                           ") since ", clockText(job->began)));
    }
}

std::uint32_t Jobs::start(const std::string& kind, const Hold& hold) {
    requireFree(hold);
    const std::uint32_t id = numbers_.next();
    Job& job = jobs_[id];
    job.info = {id, kind, hold, -1, "", std::chrono::system_clock::now()};
    holders_[hold] = id;
    job.told = std::chrono::steady_clock::now();
    if (listener_.added) {
        listener_.added(job.info);
    }
    return id;
}

void Jobs::setStarter(std::uint32_t id, const JobStarter& starter) {
    if (const auto found = jobs_.find(id); found != jobs_.end()) {
        found->second.starter = starter;
    }
}

std::optional<JobStarter> Jobs::starter(std::uint32_t id) const {
    const auto found = jobs_.find(id);
    return found == jobs_.end() ? std::nullopt : found->second.starter;
}

void Jobs::report(std::uint32_t id, double progress, const std::string& message) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end() || found->second.ended) {
        return;
    }
    JobInfo& info = found->second.info;
    if (info.progress == progress && info.message == message) {
        return;
    }
    info.progress = progress;
    info.message = message;
    Job& job = found->second;
    if (!job.report) {
        const auto since = std::chrono::steady_clock::now() - job.told;
        const auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(reportPause - since);
        job.report = loop_.after(std::max(pause, std::chrono::milliseconds(0)), [this, id] { tell(id); });
    }
}

void Jobs::tell(std::uint32_t id) {
    Job& job = jobs_.at(id);
    job.told = std::chrono::steady_clock::now();
    job.report.reset();
    if (!job.ended && listener_.changed) {
        listener_.changed(job.info);
    }
}

void Jobs::warn(std::uint32_t id, const std::string& text) {
    if (const auto found = jobs_.find(id); found != jobs_.end() && !found->second.ended) {
        std::string& warnings = found->second.warnings;
        warnings += (warnings.empty() ? "" : "\n") + text;
    }
}

void Jobs::onCancel(std::uint32_t id, std::function<void()> action) {
    if (const auto found = jobs_.find(id); found != jobs_.end()) {
        found->second.cancel = std::move(action);
    }
}

void Jobs::cancel(std::uint32_t id) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) {
        throw zone::Fault(zone::FaultKind::noSuchJob, sys::join("there is no job ", id));
    }
    Job& job = found->second;
    if (job.ended) {
        return;
    }
    if (!job.cancel) {
        throw zone::Fault(zone::FaultKind::wrongState,
                          sys::join("job ", id, " (", job.info.kind, " of ", holdText(job.info.hold),
                                    ") cannot be cancelled: what it does cannot be undone"));
    }
    // The action may end the job and with it the function itself.
    const std::function<void()> action = job.cancel;
    action();
}

void Jobs::end(std::uint32_t id, const JobEnd& result) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end() || found->second.ended) {
        return;
    }
    found->second.ended = result;
    holders_.erase(found->second.info.hold);
    if (!result.fault) {
        found->second.ended->text = found->second.warnings;
    }
    found->second.farewell = loop_.defer([this, id] { leave(id); });
}

/// What is told as done is on the disk.
void Jobs::leave(std::uint32_t id) {
    if (!written_) {
        bury(id);
        return;
    }
    written_(jobs_.at(id).info.hold, [this, id](const std::optional<zone::Fault>& fault) {
        if (const auto found = jobs_.find(id); fault && found != jobs_.end()) {
            std::string& text = found->second.ended->text;
            text += (text.empty() ? "" : "\n") + std::string(fault->what());
        }
        bury(id);
    });
}

void Jobs::bury(std::uint32_t id) {
    auto node = jobs_.extract(id);
    if (node.empty()) {
        return;
    }
    const Job& job = node.mapped();
    if (!job.ended->text.empty()) { // else its end says all there is
        past_.push_back({job.info, job.starter, *job.ended});
    }
    if (past_.size() > pastJobs) {
        past_.pop_front();
    }
    if (listener_.removed) {
        listener_.removed(job.info, *job.ended);
    }
}

std::optional<PastJob> Jobs::past(std::uint32_t id) const {
    const auto found = std::ranges::find_if(past_, [id](const PastJob& job) { return job.info.id == id; });
    return found == past_.end() ? std::nullopt : std::optional(*found);
}

const JobInfo* Jobs::find(std::uint32_t id) const {
    const auto found = jobs_.find(id);
    return found == jobs_.end() ? nullptr : &found->second.info;
}

std::vector<JobInfo> Jobs::list() const {
    std::vector<JobInfo> infos;
    for (const auto& [id, job] : jobs_) {
        infos.push_back(job.info);
    }
    return infos;
}

} // namespace zoned::daemon
