// Long requests: who holds what, how far it is, how it ended.
//
// A zone or an image is held by at most one job; a second one is refused with
// the name of the first. A job's end is told one turn of the loop after it
// happened, so that the reply that names the job is always on the bus before.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "authorizer.hpp"
#include "job_numbers.hpp"
#include "sys/event_loop.hpp"
#include "zone/fault.hpp"

namespace zoned::daemon {

enum class Held { zone, image, host };

/// What a job keeps others away from.
struct Hold {
    Held what = Held::zone;
    std::string name;
    auto operator<=>(const Hold&) const = default;
};

struct JobInfo {
    std::uint32_t id = 0;
    std::string kind; // "boot": see org.zoned1.Job.Kind
    Hold hold;
    double progress = -1; // 0..1; -1: not known
    std::string message;
    std::chrono::system_clock::time_point began;
};

/// Who asked for a job, and the right that it took: the same that it takes to cancel it.
struct JobStarter {
    uid_t uid = static_cast<uid_t>(-1);
    Verb verb = Verb::manage;
};

struct JobEnd {
    std::optional<zone::FaultKind> fault; // nothing: done
    std::string text;                     // why it failed; of a job that is done, its warnings, one a line

    [[nodiscard]] std::string_view result() const noexcept; // "done", "failed", "cancelled"
    /// What everybody may be told of the text.
    [[nodiscard]] std::string publicText() const;
};

/// A job that has ended.
struct PastJob {
    JobInfo info;
    std::optional<JobStarter> starter;
    JobEnd end;
};

class Jobs {
public:
    struct Listener {
        std::function<void(const JobInfo&)> added;
        std::function<void(const JobInfo&)> changed;
        std::function<void(const JobInfo&, const JobEnd&)> removed;
    };

    /// Calls back, at once or later, when all that was to be written about the object is on the disk, or why not.
    using Written = std::function<void(const Hold&, std::function<void(const std::optional<zone::Fault>&)>)>;

    explicit Jobs(sys::EventLoop& loop, Written written = {}, JobNumbers numbers = {})
        : loop_(loop), written_(std::move(written)), numbers_(std::move(numbers)) {}
    void listen(Listener listener) { listener_ = std::move(listener); }

    /// Begins a job. Throws Fault busy where another holds the object.
    std::uint32_t start(const std::string& kind, const Hold& hold);
    /// Throws Fault busy ("zone web is busy: job 3 (boot) since 11:02:03") where a job holds the object.
    void requireFree(const Hold& hold) const;
    [[nodiscard]] const JobInfo* holder(const Hold& hold) const;

    void setStarter(std::uint32_t id, const JobStarter& starter);
    /// Nothing for a job that the service began by itself.
    [[nodiscard]] std::optional<JobStarter> starter(std::uint32_t id) const;

    /// Told to the listener at once or, where it was told something less than 100 ms ago, a little later with what
    /// is reported meanwhile. Everybody hears it: the message names nothing but zones and images.
    void report(std::uint32_t id, double progress, const std::string& message);
    /// What whoever asked should know although the job may well succeed; told with its end.
    void warn(std::uint32_t id, const std::string& text);
    /// What `cancel` is to do; without it the job cannot be cancelled.
    void onCancel(std::uint32_t id, std::function<void()> action);
    /// Throws Fault noSuchJob, or wrongState where the job cannot be cancelled.
    void cancel(std::uint32_t id);

    /// The end of a job; a second end and that of an unknown job are ignored.
    void finish(std::uint32_t id) { end(id, {}); }
    void fail(std::uint32_t id, zone::FaultKind kind, const std::string& text) { end(id, {kind, text}); }
    void fail(std::uint32_t id, const zone::Fault& fault) { fail(id, fault.kind(), fault.what()); }

    [[nodiscard]] std::vector<JobInfo> list() const;
    /// One of the last jobs whose end has a text; nothing for another.
    [[nodiscard]] std::optional<PastJob> past(std::uint32_t id) const;
    /// Null where there is none.
    [[nodiscard]] const JobInfo* find(std::uint32_t id) const;
    [[nodiscard]] bool none() const noexcept { return jobs_.empty(); }

private:
    struct Job {
        JobInfo info;
        std::optional<JobStarter> starter;
        std::string warnings; // one a line
        std::function<void()> cancel;
        std::optional<JobEnd> ended;
        sys::EventLoop::Source farewell;
        std::chrono::steady_clock::time_point told; // when the listener heard of it last
        sys::EventLoop::Source report;              // what it is still to hear
    };
    void end(std::uint32_t id, const JobEnd& result);
    void tell(std::uint32_t id);
    void leave(std::uint32_t id);
    void bury(std::uint32_t id);

    sys::EventLoop& loop_;
    Written written_;
    Listener listener_;
    std::map<Hold, std::uint32_t> holders_; // of what is held: the job that has not ended
    std::map<std::uint32_t, Job> jobs_;
    std::deque<PastJob> past_; // the last of those with a text, the oldest first
    JobNumbers numbers_;
};

/// "zone web", "image bookworm"
[[nodiscard]] std::string holdText(const Hold& hold);

} // namespace zoned::daemon
