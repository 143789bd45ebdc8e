#include "store/zone_storage.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "store/folder.hpp"
#include "store/json_fields.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "zone/definition.hpp"
#include "zone/fault.hpp"

namespace zoned::store {

namespace {

constexpr std::size_t maxRecordBytes = 64 * 1024;
constexpr std::uint64_t blockSize = 65536;
/// A byte that is no UTF-8 becomes three in the file: a third of what is read back.
constexpr std::size_t maxReason = json::maxText / 3;
constexpr const char* stateFile = "/state.json";
constexpr const char* layerFolder = "/layer";
/// What is being removed; inside it, each retired layer has a name of its own.
constexpr const char* goneFolder = "/gone";

bool readAddresses(const nlohmann::json& object, std::map<std::string, std::uint32_t>& addresses) {
    const auto found = object.find("addresses");
    if (found == object.end() || !found->is_object()) {
        return false;
    }
    bool whole = true;
    for (const auto& [interface, value] : found->items()) {
        const auto address = value.is_string() ? zone::parseIpv4(value.get<std::string>()) : std::nullopt;
        if (address) {
            addresses[interface] = *address;
        }
        whole = whole && address;
    }
    return whole;
}

ZoneRecord damaged(const std::string& why) {
    ZoneRecord record;
    record.damage = why;
    record.idsKnown = false;
    return record;
}

/// What can be read is taken, so that a damaged file does not set ids and addresses free that are in
/// use; but only a file that is whole says "complete".
ZoneRecord fromJson(const std::string& text, const std::string& path) {
    ZoneRecord record;
    const nlohmann::json object = json::parseObject(text);
    if (!object.is_object()) {
        return damaged(path + " is damaged: it holds no JSON object");
    }
    bool complete = false;
    bool whole = json::get(object, "complete", complete);
    whole = json::get(object, "uuid", record.uuid) && whole;
    const bool hasBase = json::get(object, "id-base", record.idBase) && record.idBase != 0;
    whole = hasBase && whole;
    whole = json::get(object, "image", record.image) && whole;
    whole = json::get(object, "image-id", record.imageId) && whole;
    whole = json::get(object, "last-exit", record.lastExit) && whole;
    const bool hasAddresses = readAddresses(object, record.addresses);
    whole = hasAddresses && whole;
    const bool sound = json::isHexId(record.uuid) && record.idBase % blockSize == 0 &&
                       !zone::ZoneName::problem(record.image) && json::isHexId(record.imageId);
    record.complete = complete && whole && sound;
    if (!whole || !sound) {
        record.damage = path + " is damaged: not all of its fields are there and valid";
        record.idsKnown = hasBase && record.idBase % blockSize == 0 && hasAddresses;
    }
    return record;
}

std::string toJson(const ZoneRecord& record) {
    nlohmann::json addresses = nlohmann::json::object();
    for (const auto& [interface, address] : record.addresses) {
        addresses[interface] = zone::ipv4Text(address);
    }
    return json::write({{"complete", record.complete},
                        {"uuid", record.uuid},
                        {"id-base", record.idBase},
                        {"image", record.image},
                        {"image-id", record.imageId},
                        {"addresses", std::move(addresses)},
                        {"last-exit", record.lastExit.substr(0, maxReason)}});
}

/// Throws where that cannot be told: a zone must not be taken for absent because its disk fails.
bool isFolder(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0) {
        return S_ISDIR(status.st_mode);
    }
    if (errno != ENOENT && errno != ENOTDIR) {
        sys::throwErrno("looking for the folder ", path);
    }
    return false;
}

/// A line's parts between the colons.
std::vector<std::string_view> fieldsOf(std::string_view line) {
    std::vector<std::string_view> fields;
    for (std::size_t start = 0; start <= line.size();) {
        const std::size_t end = std::min(line.find(':', start), line.size());
        fields.push_back(line.substr(start, end - start));
        start = end + 1;
    }
    return fields;
}

std::optional<std::uint64_t> numberOf(std::string_view text) {
    std::uint64_t value = 0;
    const auto [rest, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc{} || rest != text.data() + text.size() || text.empty()) {
        return std::nullopt;
    }
    return value;
}

/// Calls action(fields) for each line of a file; an absent file has none.
template <typename Action>
void eachLine(const std::string& path, Action action) {
    constexpr std::size_t limit = 16 << 20; // hosts with a hundred thousand users exist
    const std::string text = sys::readFile(path, limit).value_or("");
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = std::min(text.find('\n', start), text.size());
        action(fieldsOf(std::string_view(text).substr(start, end - start)));
        start = end + 1;
    }
}

/// New with each boot of the host (random(4)).
std::string hostBootId() {
    return sys::readFile("/proc/sys/kernel/random/boot_id").value_or("");
}

} // namespace

ZoneStorage::ZoneStorage(std::string folder) : folder_(std::move(folder)) {}

std::vector<zone::ZoneName> ZoneStorage::names() const {
    std::vector<zone::ZoneName> result;
    for (const std::string& entry : sys::listDirectory(folder_)) {
        if (!zone::ZoneName::problem(entry) && isFolder(folder_ + "/" + entry)) {
            result.emplace_back(entry);
        }
    }
    return result;
}

std::optional<ZoneRecord> ZoneStorage::find(const zone::ZoneName& name) const {
    const std::string file = path(name) + stateFile;
    try {
        if (!isFolder(path(name))) {
            return std::nullopt;
        }
        if (const auto text = sys::readFile(file, maxRecordBytes)) {
            return fromJson(*text, file);
        }
        // an install writes it before the layer, and a removal takes it away last
        return isFolder(layer(name)) ? damaged(file + " is missing") : ZoneRecord{};
    } catch (const sys::Error& error) {
        return damaged(error.what());
    }
}

void ZoneStorage::create(const zone::ZoneName& name, const ZoneRecord& record) {
    sys::makeDirectories(folder_, 0700);
    try {
        makeFolder(path(name), 0700);
    } catch (const sys::Error& fault) {
        if (fault.code() != EEXIST) {
            throw;
        }
        throw zone::Fault(zone::FaultKind::nameTaken,
                          "zone " + name.str() + " has storage already (" + path(name) + "): uninstall it first");
    }
    ZoneRecord incomplete = record;
    incomplete.complete = false;
    save(name, incomplete);
    syncFolder(folder_);
    // The layer holds set-user-id files owned by the raw ids of root and others, which are real users
    // of the host: nobody may come past it.
    makeFolder(layer(name), 0700);
    makeFolder(layer(name) + "/upper", 0755); // the zone's own "/"
    makeFolder(layer(name) + "/work", 0755);
    syncFolder(layer(name));
    syncFolder(path(name));
}

std::string ZoneStorage::recordText(const zone::ZoneName& name, const ZoneRecord& record) const {
    if (!record.damage.empty()) {
        throw sys::Error("writing " + recordFile(name) + ", which was not read whole: " + record.damage, 0);
    }
    return toJson(record);
}

std::string ZoneStorage::recordFile(const zone::ZoneName& name) const {
    return path(name) + stateFile;
}

void ZoneStorage::save(const zone::ZoneName& name, const ZoneRecord& record) {
    sys::replaceFile(recordFile(name), recordText(name, record), 0600);
}

std::string ZoneStorage::retire(const zone::ZoneName& name) {
    auto record = find(name);
    if (!record) {
        throw zone::Fault(zone::FaultKind::wrongState, "zone " + name.str() + " has no storage to remove");
    }
    record->complete = false;
    const std::string gone = path(name) + goneFolder;
    try {
        if (record->damage.empty()) {
            save(name, *record);
        }
    } catch (const sys::Error& error) {
        // A full disk is what a zone may be removed for. A rename needs no room, and a zone without its layer can
        // only be removed, so an interruption is seen all the same.
        const bool full = error.code() == ENOSPC || error.code() == EDQUOT;
        if (!full || isFolder(gone) || !isFolder(layer(name))) {
            throw;
        }
        sys::check(::rename(layer(name).c_str(), gone.c_str()), "taking away the layer of zone ", name.str());
        return gone;
    }
    if (!isFolder(gone)) {
        makeFolder(gone, 0700);
    }
    // An earlier, interrupted removal may have left layers there; the worker removes all of it.
    if (isFolder(layer(name))) {
        (void)moveAside(layer(name), gone + "/");
    }
    return gone;
}

void ZoneStorage::forget(const zone::ZoneName& name) {
    if (!isFolder(path(name))) {
        return;
    }
    // state.json goes last: while it is there, its ids and addresses are given to no other zone.
    for (const std::string& entry : sys::listDirectory(path(name))) {
        const std::string entryPath = path(name) + "/" + entry;
        if (entryPath == path(name) + stateFile) {
            continue;
        }
        if (isFolder(entryPath)) {
            sys::check(::rmdir(entryPath.c_str()), "removing the folder ", entryPath);
        } else {
            sys::check(::unlink(entryPath.c_str()), "removing ", entryPath);
        }
    }
    sys::removeFile(path(name) + stateFile);
    sys::check(::rmdir(path(name).c_str()), "removing the folder ", path(name));
    syncFolder(folder_);
}

std::string ZoneStorage::runningFile(const zone::ZoneName& name) const {
    return path(name) + "/running";
}

std::string ZoneStorage::runningText() {
    return hostBootId();
}

bool ZoneStorage::ranBefore(const zone::ZoneName& name) const {
    const auto mark = sys::readFile(runningFile(name));
    return mark && *mark != hostBootId();
}

std::string ZoneStorage::layer(const zone::ZoneName& name) const {
    return path(name) + layerFolder;
}

std::string ZoneStorage::path(const zone::ZoneName& name) const {
    return folder_ + "/" + name.str();
}

std::uint32_t chooseIdBlock(std::uint32_t first, std::uint32_t last, const std::vector<std::uint32_t>& basesInUse,
                            const std::vector<std::pair<std::uint64_t, std::uint64_t>>& foreign) {
    // Closed intervals, by their start.
    std::vector<std::pair<std::uint64_t, std::uint64_t>> taken;
    for (const std::uint32_t base : basesInUse) {
        taken.emplace_back(base, base + blockSize - 1);
    }
    for (const auto& [start, count] : foreign) {
        if (count > 0) {
            const std::uint64_t room = ~std::uint64_t{0} - start;
            taken.emplace_back(start, start + std::min(count - 1, room));
        }
    }
    std::sort(taken.begin(), taken.end());
    const auto aligned = [](std::uint64_t id) { return (id + blockSize - 1) / blockSize * blockSize; };
    std::uint64_t candidate = aligned(first);
    for (const auto& [start, end] : taken) {
        if (start >= candidate + blockSize) {
            break; // the gap before it is large enough
        }
        if (end > last) {
            candidate = end >= candidate ? std::uint64_t{last} + 1 : candidate;
        } else if (end >= candidate) {
            candidate = aligned(end + 1);
        }
    }
    if (candidate + blockSize - 1 > last) {
        throw zone::Fault(zone::FaultKind::failed, "there is no free block of 65536 ids left between " +
                                                       std::to_string(first) + " and " + std::to_string(last) +
                                                       ": see ids in zoned.yaml, /etc/subuid and /etc/subgid");
    }
    return static_cast<std::uint32_t>(candidate);
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> foreignIdRanges(const std::string& etc) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
    for (const char* file : {"/subuid", "/subgid"}) { // name:start:count
        eachLine(etc + file, [&](const std::vector<std::string_view>& fields) {
            const auto start = fields.size() == 3 ? numberOf(fields[1]) : std::nullopt;
            const auto count = fields.size() == 3 ? numberOf(fields[2]) : std::nullopt;
            if (start && count && *count > 0) {
                ranges.emplace_back(*start, *count);
            }
        });
    }
    for (const char* file : {"/passwd", "/group"}) { // name:password:id:…
        eachLine(etc + file, [&](const std::vector<std::string_view>& fields) {
            if (const auto id = fields.size() >= 3 ? numberOf(fields[2]) : std::nullopt) {
                ranges.emplace_back(*id, 1);
            }
        });
    }
    return ranges;
}

} // namespace zoned::store
