// From the service's news to what `zonectl events` tells: what was known before is kept, so that a change says from
// what to what, that nothing is told twice, and that what happened while the service was away is told afterwards.
// No I/O.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "client.hpp"

namespace zoned::ctl {

struct Event {
    std::chrono::system_clock::time_point time;
    std::string kind; // as in JSON: "state"
    std::string text; // for people: "zone web: installed -> running"
    /// As in JSON, after time, event and job.
    std::vector<std::pair<std::string, std::string>> fields;
    std::uint32_t job = 0; // 0: none
};

class EventLog {
public:
    /// @param names of the zones and images to tell of; none: all
    explicit EventLog(std::vector<std::string> names) : names_(names.begin(), names.end()) {}

    /// What there is, read after the news were subscribed to. The first time nothing is told.
    std::vector<Event> take(const std::vector<ZoneSummary>& zones, const std::vector<ImageSummary>& images);
    std::vector<Event> take(const News& news);

private:
    [[nodiscard]] bool concerns(const std::string& name) const { return names_.empty() || names_.contains(name); }
    Event& add(const std::string& kind, const News& news, const std::string& text);
    void stateChanged(const News& news);
    void zoneAdded(const News& news);
    void zoneRemoved(const News& news);
    void image(const News& news, bool there);
    void job(const News& news);

    std::set<std::string> names_;
    std::map<std::string, std::string> states_; // of all zones
    std::set<std::string> images_;
    bool known_ = false;  // the first reading was taken
    bool missed_ = false; // the service went away, and came back unless it is gone still
    std::vector<Event> events_;
};

/// One line, with its end.
[[nodiscard]] std::string eventText(const Event& event);
[[nodiscard]] std::string eventJson(const Event& event);

} // namespace zoned::ctl
