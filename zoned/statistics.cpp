#include "statistics.hpp"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "border.hpp"
#include "log.hpp"
#include "platform/limits.hpp"
#include "platform/run_record.hpp"
#include "sys/error.hpp"

namespace zoned::daemon {
namespace {

/// Some fifteen small files each; what comes meanwhile waits for no more than these.
constexpr std::size_t zonesInATurn = 16;

/// What the host receives at its end is what the zone has sent.
void addPort(const sys::LinkCounters& hostEnd, Numbers& numbers) {
    numbers["net-rx-bytes"] += hostEnd.txBytes;
    numbers["net-rx-packets"] += hostEnd.txPackets;
    numbers["net-tx-bytes"] += hostEnd.rxBytes;
    numbers["net-tx-packets"] += hostEnd.rxPackets;
}

} // namespace

void Statistics::collect(const std::vector<std::string>& names, Then then) {
    Request request;
    for (const std::string& name : names) {
        request.names.insert(registry_.zone(name).name);
    }
    request.then = std::move(then);
    waiting_.push_back(std::move(request));
    if (!round_) {
        next_ = loop_.defer([this] { begin(); });
        round_.emplace();
    }
}

void Statistics::begin() {
    Round& round = *round_;
    round.requests = std::exchange(waiting_, {});
    next_ = loop_.defer([this] { turn(); });
    const bool all = std::ranges::any_of(round.requests, [](const Request& request) { return request.names.empty(); });
    for (const zone::ZoneName& name : registry_.names()) {
        const bool named =
            std::ranges::any_of(round.requests, [&](const Request& request) { return request.names.contains(name); });
        if (named || (all && zone::isActive(registry_.view(name).state))) {
            round.left.push_back(name);
        }
    }
    std::ranges::reverse(round.left);
    try {
        round.links = sys::Netlink().counters();
    } catch (const sys::Error& error) {
        spdlog::debug("{}; the sample goes without the network", error.what());
    }
    attempt("counting what the host uses", [&round] {
        round.host = hostNumbers([&](std::string_view device) { return round.devices.isDisk(device); });
        addHostLinks(round.links, round.host);
    });
}

/// A zone of which nothing can be counted is in the sample without numbers; whoever waits is answered in any case.
void Statistics::turn() {
    Round& round = *round_;
    const FindLink link = [&round](const std::string& name) {
        const auto found = round.links.find(name);
        return found == round.links.end() ? std::nullopt : std::optional(found->second);
    };
    for (std::size_t count = 0; count < zonesInATurn && !round.left.empty(); ++count) {
        const zone::ZoneName name = round.left.back();
        round.left.pop_back();
        if (registry_.find(name) != nullptr) { // it may have been deleted since the turn before
            const LogAbout about(name.str());
            ZoneSample& sample = round.read[name];
            sample = {name.str(), std::string(zone::stateName(registry_.view(name).state)), {}};
            attempt("counting what it uses", [&] { sample.numbers = read(name, round.devices, link); });
        }
    }
    next_ = loop_.defer([this, done = round.left.empty()] { done ? finish() : turn(); });
}

void Statistics::finish() {
    const Round round = std::move(*round_);
    round_.reset();
    if (!waiting_.empty()) {
        round_.emplace();
        next_ = loop_.defer([this] { begin(); });
    }
    forget();
    for (const Request& request : round.requests) {
        Sample sample;
        sample.host = round.host;
        for (const auto& [name, zone] : round.read) {
            if (request.names.empty() ? !zone.numbers.empty() : request.names.contains(name)) {
                sample.zones.push_back(zone);
            }
        }
        attempt("answering what is used", [&] { request.then(sample); });
    }
}

Numbers Statistics::of(const std::string& name) {
    const zone::ZoneName zoneName = registry_.zone(name).name;
    BlockDevices devices;
    std::optional<sys::Netlink> links;
    return read(zoneName, devices, [&links](const std::string& link) {
        return links ? links->counters(link) : links.emplace().counters(link);
    });
}

Numbers Statistics::read(const zone::ZoneName& name, BlockDevices& devices, const FindLink& link) {
    const ZoneView& view = registry_.view(name);
    if (!zone::isActive(view.state) || view.cgroup.empty()) {
        return {};
    }
    const std::uint64_t time = bootTime();
    Numbers numbers = cgroupNumbers(host_.cgroupRoot + platform::payloadCgroup(view.cgroup),
                                    [&](std::string_view device) { return devices.isDisk(device); });
    if (numbers.empty()) {
        return numbers; // on its way down
    }
    numbers["time"] = time;
    if (const std::uint64_t up = view.initPid == 0 ? 0 : ageOf(view.initPid); up != 0) {
        numbers["up"] = up;
    }
    try {
        for (const std::string& port : portsOf(name, view)) {
            if (const auto counters = link(port)) {
                addPort(*counters, numbers);
            }
        }
    } catch (const sys::Error& error) {
        spdlog::debug("zone {}: {}; its sample goes without the network", name.str(), error.what());
    }
    return numbers;
}

/// They are new at each boot and stand in its record; that is read once for a boot.
const std::vector<std::string>& Statistics::portsOf(const zone::ZoneName& name, const ZoneView& view) {
    Ports& ports = ports_[name];
    if (ports.state != view.state || ports.initPid != view.initPid || ports.since != view.since) {
        ports = {view.state, view.initPid, view.since, {}};
        if (const auto record = platform::RunRecord::find(host_.runFolder(name.str()) + "/record")) {
            for (const platform::NicSpec& nic : record->zone().spec.nics) {
                ports.names.push_back(nic.hostName);
            }
        }
    }
    return ports.names;
}

void Statistics::forget() {
    std::erase_if(ports_, [this](const auto& entry) { return registry_.find(entry.first) == nullptr; });
}

} // namespace zoned::daemon
