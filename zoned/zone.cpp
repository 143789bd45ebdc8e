#include "zone.hpp"

#include "zone/diff.hpp"

namespace zoned::daemon {
namespace {

std::string reasonOf(const Zone& zone, zone::State state, std::uint32_t job) {
    switch (state) {
    case zone::State::down:
        return zone.down.empty() && zone.status ? zone.status->reason : zone.down;
    case zone::State::unavailable:
        return zone.unavailable;
    case zone::State::incomplete:
        // in the midst of one it is incomplete as well
        return job != 0 ? "" : "an install or uninstall was interrupted; uninstall it, then install it again";
    default:
        break;
    }
    if (zone.status && zone::isActive(state)) {
        return zone.status->reason;
    }
    return zone.record && !zone.cleaningUp ? zone.record->lastExit : "";
}

std::vector<std::pair<std::string, std::string>> addressesOf(const Zone& zone, std::uint8_t subnetPrefix) {
    std::vector<std::pair<std::string, std::string>> addresses;
    if (!zone.definition) {
        // what it was given stays its own while its definition is being mended
        for (const auto& [interface, address] :
             zone.record ? zone.record->addresses : std::map<std::string, std::uint32_t>{}) {
            addresses.emplace_back(interface, zone::Ipv4Network{address, subnetPrefix}.str());
        }
        return addresses;
    }
    for (const zone::Nic& nic : zone.definition->network) {
        if (nic.address) {
            addresses.emplace_back(nic.name, nic.address->str());
        } else if (zone.record && !nic.bridge) {
            if (const auto found = zone.record->addresses.find(nic.name); found != zone.record->addresses.end()) {
                addresses.emplace_back(nic.name, zone::Ipv4Network{found->second, subnetPrefix}.str());
            }
        }
    }
    return addresses;
}

/// What was written to the definition and waits for the next boot.
std::vector<std::string> waitingKeys(const Zone& zone) {
    std::vector<std::string> keys;
    if (!zone.booted || !zone.definition || zone.booted == zone.definition) {
        return keys;
    }
    for (const zone::Change& change : zone::diff(*zone.booted, *zone.definition)) {
        if (change.effect != zone::Effect::atOnce) {
            keys.push_back(change.key);
        }
    }
    return keys;
}

} // namespace

zone::State stateOf(const Zone& zone) {
    if (zone.status && zone::isActive(zone.status->state)) {
        return zone.status->state;
    }
    if (zone.cleaningUp) {
        return zone::State::shuttingDown;
    }
    if (!zone.down.empty()) {
        return zone::State::down;
    }
    if (!zone.record) {
        return zone::State::configured;
    }
    if (!zone.record->damage.empty()) {
        return zone::State::unavailable;
    }
    if (!zone.record->complete) {
        return zone::State::incomplete;
    }
    return zone.unavailable.empty() ? zone::State::installed : zone::State::unavailable;
}

ZoneView viewOf(const Zone& zone, std::uint8_t subnetPrefix, std::uint32_t job) {
    ZoneView view;
    view.state = stateOf(zone);
    view.reason = reasonOf(zone, view.state, job);
    view.problem = zone.problemPlaces;
    view.maintenance = zone.maintenance;
    view.since = zone.since;
    view.job = job;
    view.addresses = addressesOf(zone, subnetPrefix);
    if (zone.definition) {
        view.description = zone.definition->description;
        view.image = zone.definition->image;
        view.autoboot = zone.definition->autoboot;
        view.privileged = zone.definition->privileged;
        view.group = zone.definition->group;
    }
    if (zone.record) {
        view.image = zone.record->image.empty() ? view.image : zone.record->image;
        view.idBase = zone.record->idBase;
    }
    if (zone.status && zone::isActive(view.state)) {
        view.booted = zone.status->booted;
        view.initPid = static_cast<std::uint32_t>(zone.status->initPid);
        view.initKind = zone.status->initKind;
        view.oomKills = zone.oomKillsOf == zone.status->initPid ? zone.oomKills : 0;
        view.cgroup = zone.status->cgroup;
        view.changed = waitingKeys(zone);
        view.since = zone.status->since != 0 ? zone.status->since : view.since;
    }
    return view;
}

std::vector<std::string> changedProperties(const ZoneView& before, const ZoneView& after) {
    std::vector<std::string> names;
    const auto compare = [&](const char* name, auto ZoneView::*member) {
        if (before.*member != after.*member) {
            names.emplace_back(name);
        }
    };
    compare("State", &ZoneView::state);
    compare("Booted", &ZoneView::booted);
    compare("Reason", &ZoneView::reason);
    compare("Problem", &ZoneView::problem);
    compare("Maintenance", &ZoneView::maintenance);
    compare("Description", &ZoneView::description);
    compare("Image", &ZoneView::image);
    compare("Autoboot", &ZoneView::autoboot);
    compare("Privileged", &ZoneView::privileged);
    compare("Addresses", &ZoneView::addresses);
    compare("InitPid", &ZoneView::initPid);
    compare("InitKind", &ZoneView::initKind);
    compare("OomKills", &ZoneView::oomKills);
    compare("Since", &ZoneView::since);
    compare("IdBase", &ZoneView::idBase);
    compare("CGroup", &ZoneView::cgroup);
    compare("Group", &ZoneView::group);
    compare("Changed", &ZoneView::changed);
    compare("Limits", &ZoneView::limits);
    compare("Job", &ZoneView::job);
    return names;
}

} // namespace zoned::daemon
