// A zone's own part of the disk, /var/lib/zoned/zones/NAME/ (root, 0700):
//   state.json   what was given to the zone once and is kept: ids, uuid, addresses, image
//   layer/upper  the zone's layer over its image, files owned by the zone's raw ids 0…65535
//   layer/work   overlayfs's own
//   running      while the zone runs: the boot id of the host, by which a power cut is noticed
// state.json says "incomplete" from before the first to after the last act of
// an install or uninstall, so that an interruption is seen.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "zone/zone_name.hpp"

namespace zoned::store {

struct ZoneRecord {
    bool complete = false;
    std::string uuid;                               // 32 hex digits: machine-id and container_uuid
    std::uint32_t idBase = 0;                       // first id of its block of 65,536
    std::string image;                              // the image's name
    std::string imageId;                            // and id, at install
    std::map<std::string, std::uint32_t> addresses; // interface -> address that was assigned
    std::string lastExit;                           // why it is not running, for people; "" at first
    /// Why state.json was not read whole; "" where it was. Such a record is never complete, and never saved: what is
    /// on the disk may be better than it.
    std::string damage;
    bool idsKnown = true; // idBase and addresses are what the zone was given; false only where there is damage
};

class ZoneStorage {
public:
    explicit ZoneStorage(std::string folder);

    [[nodiscard]] std::vector<zone::ZoneName> names() const;
    /// Nothing where there is no folder; a record with `damage` where that, or state.json, cannot be read.
    [[nodiscard]] std::optional<ZoneRecord> find(const zone::ZoneName& name) const;
    /// Makes the folder with an incomplete record, then the layer; `save` with complete = true ends it.
    void create(const zone::ZoneName& name, const ZoneRecord& record);
    /// Throws sys::Error for a record with damage.
    void save(const zone::ZoneName& name, const ZoneRecord& record);
    /// What `save` writes, for whoever writes it himself: into recordFile(), durably, with mode 0600.
    [[nodiscard]] std::string recordText(const zone::ZoneName& name, const ZoneRecord& record) const;
    [[nodiscard]] std::string recordFile(const zone::ZoneName& name) const;
    /// Marks incomplete and takes the layer out of the way; returns the folder for a worker to remove.
    /// The id block stays taken until the worker is done and `forget` was called.
    [[nodiscard]] std::string retire(const zone::ZoneName& name);
    /// Removes what is left of the (emptied) folder.
    void forget(const zone::ZoneName& name);
    /// There while the zone runs, with the text that notes that it does on this boot of the host. It need not be synced to
    /// the disk, as it is on the way of every boot; that it is gone must be.
    [[nodiscard]] std::string runningFile(const zone::ZoneName& name) const;
    [[nodiscard]] static std::string runningText();
    /// Whether it ran when an earlier boot of the host ended.
    [[nodiscard]] bool ranBefore(const zone::ZoneName& name) const;
    [[nodiscard]] std::string layer(const zone::ZoneName& name) const;
    [[nodiscard]] std::string path(const zone::ZoneName& name) const;

private:
    std::string folder_;
};

/// A free 65,536-aligned block of 65,536 ids in [first, last], given those in use and what
/// /etc/subuid, /etc/subgid and the users of /etc/passwd hold. Throws Fault failed where none is left.
[[nodiscard]] std::uint32_t chooseIdBlock(std::uint32_t first, std::uint32_t last,
                                          const std::vector<std::uint32_t>& basesInUse,
                                          const std::vector<std::pair<std::uint64_t, std::uint64_t>>& foreign);
/// The (start, count) ranges that /etc/subuid, subgid, passwd and group hold.
[[nodiscard]] std::vector<std::pair<std::uint64_t, std::uint64_t>> foreignIdRanges(const std::string& etc = "/etc");

} // namespace zoned::store
