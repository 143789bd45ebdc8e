#include "registry.hpp"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <iterator>
#include <tuple>

#include <spdlog/spdlog.h>

#include "log.hpp"
#include "resource_limits.hpp"
#include "store/definition_yaml.hpp"
#include "sys/cgroup.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "zone/fault.hpp"
#include "zone/text_rules.hpp"

namespace zoned::daemon {
namespace {

using zone::Fault;
using zone::FaultKind;

// An editor makes several events of one save.
constexpr std::chrono::milliseconds settleTime{50};

// A name is 63 bytes long at most; callers send longer ones.
constexpr std::size_t maxNameShown = 64;

std::int64_t changeTime(const std::string& path) {
    struct stat status {};
    return stat(path.c_str(), &status) == 0 ? status.st_mtim.tv_sec : 0;
}

} // namespace

Registry::Registry(sys::EventLoop& loop, const Host& host, const Jobs& jobs, const Accounts& accounts, Clerk& clerk)
    : loop_(loop), host_(host), jobs_(jobs), accounts_(accounts), clerk_(clerk), definitions_(host.paths.definitions),
      images_(host.paths.images), storage_(host.paths.zones) {}

void Registry::load() {
    watchFolders();
    imagesChanged();
}

void Registry::watchFolders() {
    constexpr std::uint32_t comesAndGoes = IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;
    watch_.add(definitions_.folder(), comesAndGoes | IN_CLOSE_WRITE | IN_ATTRIB,
               [this](const std::string& file) { touched_.insert(file.substr(0, file.rfind('.'))); });
    watch_.add(host_.paths.zones, comesAndGoes, [this](const std::string& zone) { touched_.insert(zone); });
    watch_.add(host_.paths.images, comesAndGoes, [this](const std::string&) { allTouched_ = true; });
    watchSource_ = loop_.watch(watch_.fd(), EPOLLIN, [this](std::uint32_t) {
        allTouched_ |= !watch_.take();
        if (!rescanTimer_) {
            rescanTimer_ = loop_.after(settleTime, [this] {
                rescanTimer_.reset();
                lookAgain();
            });
        }
    });
}

/// Looks at what was touched; at all of it where that is not known, or where it was an image.
void Registry::lookAgain() {
    const std::set<std::string> names = std::exchange(touched_, {});
    if (std::exchange(allTouched_, false)) {
        imagesChanged();
        return;
    }
    // what is wrong with a definition may be another one: an address taken, a zone that is not there
    std::set<std::string> others;
    takeHostIntoView();
    for (const std::string& name : names) {
        refreshIfThere(name);
    }
    for (const auto& [name, entry] : zones_) {
        const auto waits = around_.waits.find(name.str());
        const bool waitsForOne =
            waits != around_.waits.end() &&
            std::ranges::any_of(waits->second, [&](const std::string& other) { return names.contains(other); });
        if (waitsForOne || !entry.zone->problem.empty()) {
            others.insert(name.str());
        }
    }
    for (const std::string& name : others) {
        refreshIfThere(name);
    }
}

/// Every zone that has a definition or something on disk.
void Registry::rescan() {
    std::set<zone::ZoneName> present;
    try {
        std::ranges::copy(definitions_.names(), std::inserter(present, present.end()));
        std::ranges::copy(storage_.names(), std::inserter(present, present.end()));
        unlisted_.clear();
    } catch (const sys::Error& error) {
        spdlog::error("{}", error.what());
        unlisted_ = error.what();
        return;
    }
    around_.zones.clear();
    std::ranges::transform(present, std::inserter(around_.zones, around_.zones.end()), &zone::ZoneName::str);
    for (const zone::ZoneName& name : names()) {
        present.insert(name);
    }
    for (const zone::ZoneName& name : present) {
        refreshIfThere(name.str());
    }
}

void Registry::refreshIfThere(const std::string& name) {
    try {
        refresh(name);
    } catch (const Fault&) {
        // it is gone, and refresh() has taken it out; or it is the name of no zone
    } catch (const sys::Error& error) {
        spdlog::error("{}", error.what());
    }
}

std::vector<zone::ZoneName> Registry::names() const {
    std::vector<zone::ZoneName> names;
    for (const auto& [name, entry] : zones_) {
        names.push_back(name);
    }
    return names;
}

Zone* Registry::find(const zone::ZoneName& name) {
    const auto found = zones_.find(name);
    return found == zones_.end() ? nullptr : found->second.zone.get();
}

Zone& Registry::zone(const std::string& name) {
    if (!zone::ZoneName::problem(name)) {
        if (Zone* zone = find(zone::ZoneName(name))) {
            return *zone;
        }
    }
    throw Fault(FaultKind::noSuchZone, "there is no zone named '" + zone::cut(name, maxNameShown) + "'");
}

const ZoneView& Registry::view(const zone::ZoneName& name) const {
    return zones_.at(name).view;
}

Zone& Registry::add(const zone::ZoneName& name) {
    Entry& entry = zones_[name];
    entry.zone = std::make_unique<Zone>(name);
    return *entry.zone;
}

namespace {

/// What tells a file from a later version of it; "" for one that has changed so lately that a further change could have
/// the same time, of which the kernel's clock has only some hundred a second.
std::string stampOf(std::initializer_list<std::string> paths) {
    std::string stamp = "|";
    for (const std::string& path : paths) {
        struct stat status {};
        if (stat(path.c_str(), &status) == 0) {
            if (std::time(nullptr) - status.st_ctim.tv_sec < 2) {
                return "";
            }
            stamp += sys::join(status.st_dev, ".", status.st_ino, ".", status.st_ctim.tv_sec, ".",
                               status.st_ctim.tv_nsec, ".", status.st_size, ".", status.st_mode);
        }
        stamp += "|";
    }
    return stamp;
}

} // namespace

std::string Registry::stamp(const zone::ZoneName& name) const {
    if (unsaved_.contains(name)) {
        return "";
    }
    return stampOf({definitions_.path(name), storage_.path(name) + "/state.json", storage_.layer(name),
                    host_.bootedDefinition(name.str())});
}

std::string Registry::imageStamp(const store::ZoneRecord& record) const {
    return stampOf({images_.infoPath(zone::ZoneName(record.image))});
}

bool Registry::isAsRead(const Zone& zone) const {
    const bool hasImage = zone.record && !zone.imageFrom.empty();
    return !zone.readFrom.empty() && zone.readFrom == stamp(zone.name) &&
           (!hasImage || zone.imageFrom == imageStamp(*zone.record));
}

Zone& Registry::current(const std::string& name) {
    Zone* const known = zone::ZoneName::problem(name) ? nullptr : find(zone::ZoneName(name));
    return known != nullptr && isAsRead(*known) ? *known : refresh(name);
}

Zone& Registry::toBoot(const std::string& name) {
    Zone& zone = current(name);
    if (zone.problem.empty() && zone.unavailable.empty()) {
        return zone;
    }
    takeHostIntoView();
    return refresh(name);
}

Zone& Registry::refresh(const std::string& text) {
    if (zone::ZoneName::problem(text)) {
        throw Fault(FaultKind::noSuchZone, "there is no zone named '" + zone::cut(text, maxNameShown) + "'");
    }
    const zone::ZoneName name(text);
    Zone* known = find(name);
    Zone fresh(name);
    const std::string readFrom = stamp(name); // before it is read: what changes meanwhile is read again
    readText(fresh);
    readRecord(fresh);
    const bool active = known != nullptr && (known->status || known->cleaningUp || !known->down.empty());
    if (!fresh.text && fresh.unread.empty() && !fresh.record && !active) {
        if (known != nullptr && jobs_.holder({Held::zone, text}) == nullptr) {
            drop(name);
        }
        throw Fault(FaultKind::noSuchZone, "there is no zone named '" + zone::cut(text, maxNameShown) + "'");
    }
    const bool isNew = known == nullptr;
    Zone& zone = isNew ? add(name) : *known;
    around_.zones.insert(text);
    zone.readFrom = readFrom;
    zone.text = std::move(fresh.text);
    zone.unread = std::move(fresh.unread);
    keepWhatWasKnown(zone, fresh);
    zone.record = std::move(fresh.record);
    zone.unavailable = std::move(fresh.unavailable);
    zone.imageFrom = std::move(fresh.imageFrom);
    const std::string before = zone.problem;
    leaveSurroundings(zone);
    interpret(zone);
    joinSurroundings(zone);
    readBooted(zone);
    if (!zone.problem.empty() && zone.problem != before) {
        spdlog::warn("zone {}: its definition cannot be used: {}", name.str(), zone.problem);
    }
    if (isNew) {
        zone.since = std::max(changeTime(definitions_.path(name)), changeTime(storage_.path(name) + "/state.json"));
        zones_.at(name).view = look(zone, 0);
        if (listener_.zoneAdded) {
            listener_.zoneAdded(zone);
        }
    }
    changed(name);
    return zone;
}

/// A record that cannot be read now has not changed what the zone was given.
void Registry::keepWhatWasKnown(const Zone& known, Zone& fresh) {
    if (!fresh.record || fresh.record->damage.empty()) {
        return;
    }
    if (!known.record || known.record->damage != fresh.record->damage) {
        spdlog::error("zone {}: {}", known.name.str(), fresh.record->damage);
    }
    if (known.record && known.record->idsKnown && known.record->idBase != 0) {
        const std::string damage = fresh.record->damage;
        fresh.record = known.record;
        fresh.record->complete = false;
        fresh.record->damage = damage;
    }
}

void Registry::readText(Zone& zone) const {
    try {
        zone.text = definitions_.text(zone.name);
    } catch (const zone::DefinitionFault& fault) {
        zone.unread = fault.what();
    }
}

/// Makes the definition of the text, or says why that cannot be.
void Registry::interpret(Zone& zone) {
    zone.definition.reset();
    zone.problem.clear();
    zone.problemPlaces.clear();
    const std::string file = zone.name.str() + ".yaml";
    if (!zone.unread.empty()) {
        zone.problem = zone.problemPlaces = zone.unread; // which quotes nothing of it
        return;
    }
    if (!zone.text) {
        zone.problem = file + ": is missing, while the zone has a root; define the zone again, or delete it";
        zone.problemPlaces = zone.problem;
        return;
    }
    try {
        zone::Definition definition = store::readDefinition(*zone.text, file, around_);
        if (definition.zone != zone.name.str()) {
            const auto parsed = store::parseDefinition(*zone.text, file);
            const auto line = parsed.lines.find("zone");
            throw zone::DefinitionFault(
                {{file, line == parsed.lines.end() ? 0 : line->second, "zone",
                  "is '" + definition.zone + "', but the file's name stands for '" + zone.name.str() + "'"}});
        }
        zone.definition = std::make_shared<const zone::Definition>(std::move(definition));
    } catch (const zone::DefinitionFault& fault) {
        zone.problem = fault.what();
        for (const zone::Problem& problem : fault.problems()) {
            zone.problemPlaces += (zone.problemPlaces.empty() ? "" : "\n") + problem.place();
        }
    }
}

void Registry::readRecord(Zone& zone) {
    const auto unsaved = unsaved_.find(zone.name);
    zone.record = unsaved == unsaved_.end() ? storage_.find(zone.name) : unsaved->second.record;
    if (zone.record && !zone.record->damage.empty()) {
        zone.unavailable = zone.record->damage;
        return;
    }
    if (!zone.record || !zone.record->complete) {
        return;
    }
    zone.imageFrom = imageStamp(*zone.record); // before it is read, as the rest
    const auto image = images_.find(zone::ZoneName(zone.record->image));
    if (!image) {
        zone.unavailable = "its image '" + zone.record->image + "' is missing";
    } else if (image->id != zone.record->imageId) {
        zone.unavailable = "its image '" + zone.record->image + "' is not the one it was installed on";
    } else if (!sys::exists(storage_.layer(zone.name))) {
        zone.unavailable = storage_.layer(zone.name) + " is missing";
    }
}

/// The definition that the zone was booted with: it may be running from before a restart of the service.
void Registry::readBooted(Zone& zone) {
    zone.booted.reset();
    try {
        if (const auto text = sys::readFile(host_.bootedDefinition(zone.name.str()))) {
            zone.booted = zone.definition && zone.text == text
                              ? zone.definition
                              : std::make_shared<const zone::Definition>(store::parseDefinition(*text, "").definition);
        }
    } catch (const std::exception& error) {
        spdlog::warn("zone {}: what it was booted with is not known: {}", zone.name.str(), error.what());
    }
}

void Registry::bootedAnew(const zone::ZoneName& name) {
    if (Zone* zone = find(name)) {
        readBooted(*zone);
        changed(name);
    }
}

ZoneView Registry::look(const Zone& zone, std::uint32_t job) const {
    ZoneView view = viewOf(zone, host_.settings.network.address.prefix, job);
    if (zone.booted && zone::isActive(view.state)) {
        view.limits = limitsInEffect(zone.booted->resources, sys::availableControllers(host_.cgroupRoot));
    }
    return view;
}

void Registry::changed(const zone::ZoneName& name) {
    const auto found = zones_.find(name);
    if (found == zones_.end()) {
        return;
    }
    Zone& zone = *found->second.zone;
    const JobInfo* job = jobs_.holder({Held::zone, name.str()});
    ZoneView view = look(zone, job == nullptr ? 0 : job->id);
    if (view.state != found->second.view.state) {
        if (job == nullptr || view.state != zone::State::incomplete) { // which it is in the midst of every install
            const LogAbout about(name.str());
            spdlog::info("zone {}: {}{}{}", name.str(), zone.adopting ? "found " : "", zone::stateName(view.state),
                         view.reason.empty() ? "" : " (" + view.reason.substr(0, view.reason.find('\n')) + ")");
        }
        zone.since = std::time(nullptr);
        view = look(zone, view.job);
    }
    const std::vector<std::string> properties = changedProperties(found->second.view, view);
    found->second.view = std::move(view);
    if (!properties.empty() && listener_.zoneChanged) {
        listener_.zoneChanged(zone, properties);
    }
}

void Registry::drop(const zone::ZoneName& name) {
    if (const Zone* zone = find(name)) {
        leaveSurroundings(*zone);
    }
    zones_.erase(name);
    around_.zones.erase(name.str());
    if (listener_.zoneRemoved) {
        listener_.zoneRemoved(name);
    }
}

/// What of the surroundings is the host's, and may change while we run: processors come and go.
void Registry::takeHostIntoView() {
    around_.subnet = host_.settings.network.address;
    around_.managedBridge = host_.settings.network.bridge;
    around_.groups.clear();
    for (const auto& [group, limits] : host_.settings.groups) {
        around_.groups.push_back(group);
    }
    around_.host = hostResources(host_);
}

/// A zone does not stand in its own way.
void Registry::leaveSurroundings(const Zone& zone) {
    const std::string& name = zone.name.str();
    if (const auto addresses = addressesOf_.extract(name); !addresses.empty()) {
        for (const std::uint32_t address : addresses.mapped()) {
            const auto [first, last] = around_.addressesTaken.equal_range(address);
            const auto own = std::find_if(first, last, [&](const auto& taken) { return taken.second == name; });
            if (own != last) {
                around_.addressesTaken.erase(own);
            }
        }
    }
    around_.waits.erase(name);
}

void Registry::joinSurroundings(const Zone& zone) {
    const std::string& name = zone.name.str();
    std::vector<std::uint32_t>& addresses = addressesOf_[name];
    if (zone.definition) {
        for (const zone::Nic& nic : zone.definition->network) {
            if (nic.address) {
                addresses.push_back(nic.address->address);
            }
        }
        std::vector<std::string> waited = zone.definition->after;
        std::ranges::copy(zone.definition->needs, std::back_inserter(waited));
        if (!waited.empty()) {
            around_.waits[name] = std::move(waited);
        }
    }
    if (zone.record) {
        for (const auto& [nic, address] : zone.record->addresses) {
            addresses.push_back(address);
        }
    }
    for (const std::uint32_t address : addresses) {
        around_.addressesTaken.emplace(address, name);
    }
}

zone::Definition Registry::check(const std::string& text, const std::string& origin, const std::string& self) {
    takeHostIntoView();
    zone::Surroundings around = around_; // of one request
    std::erase_if(around.addressesTaken, [&](const auto& taken) { return taken.second == self; });
    around.waits.erase(self);
    Accounts::Missing missing = accounts_.missing(store::parseDefinition(text, origin).definition.admins);
    around.missingUsers = std::move(missing.users);
    around.missingGroups = std::move(missing.groups);
    return store::readDefinition(text, origin, around);
}

std::string Registry::define(const zone::Definition& definition, const std::string& text) {
    const zone::ZoneName name(definition.zone);
    if (definitions_.text(name)) {
        throw Fault(FaultKind::nameTaken, "a zone named '" + name.str() + "' exists already");
    }
    std::string takenUp;
    if (const auto record = storage_.find(name)) {
        const std::string root = "zone " + name.str() + " has a root already" +
                                 (record->image.empty() ? "" : ", of image " + record->image) +
                                 ", from when it had another definition";
        if (!record->image.empty() && record->image != definition.image) {
            throw Fault(FaultKind::nameTaken, root + ": define it with that image, or delete it first");
        }
        takenUp = root + ", and keeps it";
    }
    definitions_.put(name, text);
    refresh(name.str());
    return takenUp;
}

void Registry::redefine(const zone::ZoneName& name, const std::string& text) {
    definitions_.put(name, text);
    refresh(name.str());
}

void Registry::undefine(const zone::ZoneName& name) {
    definitions_.remove(name);
    drop(name);
}

void Registry::saveRecord(const zone::ZoneName& name, const store::ZoneRecord& record) {
    const std::string text = storage_.recordText(name, record);
    const std::uint64_t number = ++lastSave_;
    unsaved_[name] = {record, number, std::nullopt};
    clerk_.replace(name.str(), storage_.recordFile(name), text, 0600,
                   [this, name, number](const std::optional<Fault>& fault) {
                       const auto found = unsaved_.find(name);
                       if (found == unsaved_.end() || found->second.number != number) {
                           return; // another one follows
                       }
                       if (fault && hasNewAddresses(name, found->second.record)) {
                           found->second.fault = fault; // forgotten, they would be given to another zone, too
                           return;
                       }
                       unsaved_.erase(found);
                       if (fault) {
                           refreshIfThere(name.str()); // as it is on the disk
                       }
                   });
    refresh(name.str());
    noteUsers(record.image);
}

void Registry::markRunning(const zone::ZoneName& name, bool running) {
    if (running) {
        clerk_.replaceVolatile(storage_.runningFile(name), store::ZoneStorage::runningText(), 0600);
    } else {
        clerk_.remove(name.str(), storage_.runningFile(name), [](const std::optional<Fault>&) {});
    }
}

/// Whether the zone was given addresses that the disk knows nothing of.
bool Registry::hasNewAddresses(const zone::ZoneName& name, const store::ZoneRecord& record) const {
    const auto written = storage_.find(name);
    return written && written->addresses != record.addresses;
}

bool Registry::owesAddresses(const zone::ZoneName& name) const {
    const auto found = unsaved_.find(name);
    return found != unsaved_.end() && hasNewAddresses(name, found->second.record);
}

void Registry::whenSaved(const zone::ZoneName& name, const Clerk::Done& then) {
    const auto found = unsaved_.find(name);
    if (found != unsaved_.end() && found->second.fault) {
        then(found->second.fault);
        return;
    }
    clerk_.settled(name.str(), then);
}

/// Tells when the list of zones on an image is another.
void Registry::noteUsers(const std::string& image) {
    std::vector<std::string> users = usersOf(image);
    if (imageUsers_[image] != users && imageIds_.contains(image)) {
        imageUsers_[image] = std::move(users);
        if (listener_.imageChanged) {
            listener_.imageChanged(image);
        }
    }
}

void Registry::createStorage(const zone::ZoneName& name, const store::ZoneRecord& record) {
    storage_.create(name, record);
    saveRecord(name, record);
}

std::string Registry::retireStorage(const zone::ZoneName& name) {
    std::string folder = storage_.retire(name);
    refresh(name.str());
    return folder;
}

void Registry::forgetStorage(const zone::ZoneName& name) {
    const auto record = storage_.find(name);
    storage_.forget(name);
    try {
        refresh(name.str());
    } catch (const Fault&) {
        // nothing is left of the zone: it has no definition either
    }
    if (record) {
        noteUsers(record->image);
    }
}

void Registry::imagesChanged() {
    std::map<std::string, std::string> now;
    try {
        for (const store::ImageInfo& image : images_.list()) {
            now[image.name] = image.id;
        }
    } catch (const sys::Error& error) {
        spdlog::error("{}", error.what());
        return;
    }
    const auto before = std::exchange(imageIds_, now);
    around_.images.clear();
    std::ranges::transform(imageIds_, std::back_inserter(around_.images),
                           [](const auto& image) { return image.first; });
    takeHostIntoView();
    for (const auto& [name, id] : before) {
        const auto found = now.find(name);
        if ((found == now.end() || found->second != id) && listener_.imageRemoved) {
            listener_.imageRemoved(name);
        }
    }
    for (const auto& [name, id] : now) {
        const auto found = before.find(name);
        if ((found == before.end() || found->second != id) && listener_.imageAdded) {
            listener_.imageAdded(name);
        }
    }
    rescan();
}

std::vector<std::string> Registry::usersOf(const std::string& image) const {
    std::vector<std::string> users;
    for (const auto& [name, entry] : zones_) {
        if (entry.zone->record && entry.zone->record->image == image) {
            users.push_back(name.str());
        }
    }
    return users;
}

std::vector<std::string> Registry::waitingFor(const std::string& zone) const {
    std::vector<std::string> waiting;
    for (const auto& [name, entry] : zones_) {
        if (!entry.zone->definition || name.str() == zone) {
            continue;
        }
        const auto& [after, needs] = std::tie(entry.zone->definition->after, entry.zone->definition->needs);
        if (std::ranges::find(after, zone) != after.end() || std::ranges::find(needs, zone) != needs.end()) {
            waiting.push_back(name.str());
        }
    }
    return waiting;
}

std::vector<std::pair<std::uint32_t, std::string>> Registry::addressesTaken(const std::string& self) const {
    std::vector<std::pair<std::uint32_t, std::string>> taken;
    for (const auto& [name, entry] : zones_) {
        if (name.str() == self) {
            continue;
        }
        if (entry.zone->definition) {
            for (const zone::Nic& nic : entry.zone->definition->network) {
                if (nic.address) {
                    taken.emplace_back(nic.address->address, name.str());
                }
            }
        }
        if (entry.zone->record) {
            for (const auto& [nic, address] : entry.zone->record->addresses) {
                taken.emplace_back(address, name.str());
            }
        }
    }
    return taken;
}

std::vector<std::uint32_t> Registry::idBasesTaken() const {
    std::vector<std::uint32_t> bases;
    for (const auto& [name, entry] : zones_) {
        if (entry.zone->record && entry.zone->record->idBase != 0) {
            bases.push_back(entry.zone->record->idBase);
        }
    }
    return bases;
}

void Registry::requireKnownIds(const std::string& self) const {
    constexpr const char* what = "giving out ids and addresses, which must not be another zone's: ";
    if (!unlisted_.empty()) {
        throw Fault(FaultKind::failed, what + unlisted_);
    }
    for (const auto& [name, entry] : zones_) {
        const auto& record = entry.zone->record;
        if (record && !record->idsKnown && name.str() != self) {
            throw Fault(FaultKind::failed, what + ("those of zone " + name.str() + " are not known: " + record->damage +
                                                   "; bring that file back, or uninstall the zone"));
        }
    }
}

} // namespace zoned::daemon
