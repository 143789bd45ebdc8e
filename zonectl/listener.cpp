#include "listener.hpp"

#include <utility>

#include "api/object_path.hpp"

namespace zoned::ctl {

namespace {

constexpr const char* zoneInterface = "org.zoned1.Zone";
constexpr const char* imageInterface = "org.zoned1.Image";

template <typename Type>
std::optional<Type> valueOf(const std::map<std::string, sdbus::Variant>& values, const std::string& name) {
    const auto found = values.find(name);
    if (found == values.end() || !found->second.containsValueOfType<Type>()) {
        return std::nullopt;
    }
    return found->second.get<Type>();
}

} // namespace

Listener::Listener(sdbus::IConnection& bus) {
    api::addMatch(bus, "type='signal',sender='org.zoned1'", [this](auto&& message) { onSignal(message); });
    api::addMatch(bus,
                  "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                  "member='NameOwnerChanged',arg0='org.zoned1'",
                  [this](auto&& message) { onOwner(message); });
}

std::vector<News> Listener::take() {
    return std::exchange(news_, {});
}

News& Listener::add(News::Kind kind, const std::string& name) {
    News& news = news_.emplace_back();
    news.kind = kind;
    news.time = std::chrono::system_clock::now();
    news.name = name;
    return news;
}

void Listener::onSignal(sdbus::Message& message) {
    const std::string member = message.getMemberName();
    try {
        if (member == "PropertiesChanged") {
            onProperties(message);
        } else if (member == "InterfacesAdded") {
            onAdded(message);
        } else if (member == "InterfacesRemoved") {
            onRemoved(message);
        } else if (member == "JobNew") {
            onJobNew(message);
        } else if (member == "JobRemoved") {
            onJobRemoved(message);
        }
    } catch (const sdbus::Error&) {
        // a signal of another shape is of a service of another version: nothing that we could tell
    }
}

void Listener::onOwner(sdbus::Message& message) {
    std::string name;
    std::string before;
    std::string now;
    message >> name >> before >> now;
    if (!before.empty()) {
        add(News::Kind::serviceGone, "");
    }
    if (!now.empty()) {
        add(News::Kind::serviceThere, "");
    }
}

void Listener::onProperties(sdbus::Message& message) {
    std::string interface;
    Values values;
    message >> interface >> values;
    if (interface != zoneInterface) {
        return;
    }
    auto state = valueOf<std::string>(values, "State");
    auto booted = valueOf<bool>(values, "Booted");
    auto reason = valueOf<std::string>(values, "Reason");
    const auto oomKills = valueOf<std::uint64_t>(values, "OomKills");
    if (state || booted || reason || oomKills) {
        News& news = add(News::Kind::zoneChanged, api::nameInPath(message.getPath(), "zone"));
        news.state = std::move(state);
        news.booted = booted;
        news.oomKills = oomKills;
        news.reason = std::move(reason);
    }
}

void Listener::onAdded(sdbus::Message& message) {
    sdbus::ObjectPath path;
    std::map<std::string, Values> interfaces;
    message >> path >> interfaces;
    if (const auto zone = interfaces.find(zoneInterface); zone != interfaces.end()) {
        News& news = add(News::Kind::zoneAdded, api::nameInPath(path, "zone"));
        news.state = valueOf<std::string>(zone->second, "State");
    } else if (interfaces.contains(imageInterface)) {
        add(News::Kind::imageAdded, api::nameInPath(path, "image"));
    }
}

void Listener::onRemoved(sdbus::Message& message) {
    sdbus::ObjectPath path;
    std::vector<std::string> interfaces;
    message >> path >> interfaces;
    for (const std::string& interface : interfaces) {
        if (interface == zoneInterface) {
            add(News::Kind::zoneRemoved, api::nameInPath(path, "zone"));
        } else if (interface == imageInterface) {
            add(News::Kind::imageRemoved, api::nameInPath(path, "image"));
        }
    }
}

void Listener::onJobNew(sdbus::Message& message) {
    std::uint32_t id = 0;
    sdbus::ObjectPath job;
    std::string kind;
    std::string object;
    message >> id >> job >> kind >> object;
    News& news = add(News::Kind::jobBegan, object);
    news.job = id;
    news.jobKind = kind;
}

void Listener::onJobRemoved(sdbus::Message& message) {
    std::uint32_t id = 0;
    sdbus::ObjectPath job;
    std::string kind;
    std::string object;
    std::string result;
    std::string error;
    std::string text;
    message >> id >> job >> kind >> object >> result >> error >> text;
    News& news = add(News::Kind::jobEnded, object);
    news.job = id;
    news.jobKind = kind;
    news.result = result;
    news.error = error;
    news.message = text;
}

} // namespace zoned::ctl
