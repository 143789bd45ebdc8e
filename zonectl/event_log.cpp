#include "event_log.hpp"

#include <nlohmann/json.hpp>

#include "output.hpp"
#include "sys/error.hpp"

namespace zoned::ctl {

namespace {

using sys::join;

std::string because(const std::string& reason) {
    return reason.empty() ? "" : join(" (", reason, ")");
}

/// "boot of zone web"
std::string jobText(const News& news) {
    const bool image = news.jobKind.starts_with("image-");
    const std::string verb = image ? news.jobKind.substr(6) : news.jobKind;
    return join("job ", news.job, ": ", verb, " of ", image ? "image " : "zone ", news.name);
}

} // namespace

Event& EventLog::add(const std::string& kind, const News& news, const std::string& text) {
    return events_.emplace_back(Event{news.time, kind, text, {}, news.job});
}

std::vector<Event> EventLog::take(const std::vector<ZoneSummary>& zones, const std::vector<ImageSummary>& images) {
    std::map<std::string, std::string> states;
    for (const ZoneSummary& zone : zones) {
        states[zone.name] = zone.state;
    }
    std::set<std::string> names;
    for (const ImageSummary& one : images) {
        names.insert(one.name);
    }
    if (!std::exchange(known_, true)) {
        states_ = std::move(states);
        images_ = std::move(names);
        return {};
    }
    News news;
    news.time = std::chrono::system_clock::now();
    for (const auto& [name, state] : std::map(states_)) {
        news.name = name;
        if (!states.contains(name)) {
            zoneRemoved(news);
        }
    }
    for (const auto& [name, state] : states) {
        news.name = name;
        news.state = state;
        states_.contains(name) ? stateChanged(news) : zoneAdded(news);
    }
    for (const std::string& name : std::set(images_)) {
        news.name = name;
        if (!names.contains(name)) {
            image(news, false);
        }
    }
    for (const std::string& name : names) {
        news.name = name;
        image(news, true);
    }
    return std::exchange(events_, {});
}

std::vector<Event> EventLog::take(const News& news) {
    switch (news.kind) {
    case News::Kind::zoneChanged:
        stateChanged(news);
        break;
    case News::Kind::zoneAdded:
        zoneAdded(news);
        break;
    case News::Kind::zoneRemoved:
        zoneRemoved(news);
        break;
    case News::Kind::imageAdded:
        image(news, true);
        break;
    case News::Kind::imageRemoved:
        image(news, false);
        break;
    case News::Kind::jobBegan:
    case News::Kind::jobEnded:
        job(news);
        break;
    case News::Kind::serviceGone:
        missed_ = true;
        add("service-stopped", news, "zoned stopped; zones go on, and what happens to them is told when it is back");
        break;
    case News::Kind::serviceThere:
        add(missed_ ? "service-restarted" : "service-started", news, missed_ ? "zoned restarted" : "zoned started");
        missed_ = false;
        break;
    }
    return std::exchange(events_, {});
}

void EventLog::stateChanged(const News& news) {
    const auto known = states_.find(news.name);
    const std::string before = known == states_.end() ? "" : known->second;
    if (news.state && *news.state != before) {
        states_[news.name] = *news.state;
        if (concerns(news.name)) {
            const std::string reason = news.reason.value_or("");
            Event& event =
                add("state", news,
                    join("zone ", news.name, ": ", before, before.empty() ? "" : " -> ", *news.state, because(reason)));
            event.fields = {{"zone", news.name}, {"state", *news.state}, {"before", before}, {"reason", reason}};
        }
    }
    if (news.oomKills.value_or(0) > 0 && concerns(news.name)) {
        add("out-of-memory", news,
            join("zone ", news.name, ": killed for want of memory: ", *news.oomKills,
                 *news.oomKills == 1 ? " process" : " processes", " since its boot"))
            .fields = {{"zone", news.name}, {"oom-kills", std::to_string(*news.oomKills)}};
    }
    if (news.booted.value_or(false) && concerns(news.name)) {
        add("booted", news, join("zone ", news.name, ": booted")).fields = {{"zone", news.name}};
    }
}

void EventLog::zoneAdded(const News& news) {
    const std::string state = news.state.value_or("");
    const bool fresh = !states_.contains(news.name);
    states_[news.name] = state;
    if (fresh && concerns(news.name)) {
        add("zone-added", news, join("zone ", news.name, ": added", because(state))).fields = {{"zone", news.name},
                                                                                               {"state", state}};
    }
}

void EventLog::zoneRemoved(const News& news) {
    if (states_.erase(news.name) != 0 && concerns(news.name)) {
        add("zone-removed", news, join("zone ", news.name, ": removed")).fields = {{"zone", news.name}};
    }
}

void EventLog::image(const News& news, bool there) {
    const bool changed = there ? images_.insert(news.name).second : images_.erase(news.name) != 0;
    if (changed && concerns(news.name)) {
        const char* kind = there ? "image-added" : "image-removed";
        add(kind, news, join("image ", news.name, there ? ": added" : ": removed")).fields = {{"image", news.name}};
    }
}

void EventLog::job(const News& news) {
    if (!concerns(news.name)) {
        return;
    }
    const bool ended = news.kind == News::Kind::jobEnded;
    const std::string told = !ended                 ? " begins"
                             : news.message.empty() ? ": " + news.result
                                                    : join(": ", news.result, ": ", news.message);
    Event& event = add(ended ? "job-ended" : "job-began", news, jobText(news) + told);
    event.fields = {{"kind", news.jobKind}, {"object", news.name}};
    if (ended) {
        event.fields.insert(event.fields.end(),
                            {{"result", news.result}, {"error", news.error}, {"message", news.message}});
    }
}

std::string eventText(const Event& event) {
    return join(preciseTimeText(event.time), "  ", cleanLine(event.text), "\n");
}

std::string eventJson(const Event& event) {
    nlohmann::ordered_json object{{"time", timestamp(event.time)}, {"event", event.kind}};
    if (event.job != 0) {
        object["job"] = event.job;
    }
    for (const auto& [key, value] : event.fields) {
        object[key] = cleanText(value);
    }
    return jsonText(object);
}

} // namespace zoned::ctl
