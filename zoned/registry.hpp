// All zones and images: what is on disk, kept in step with it, and who must be
// told when it changes.
//
// The folders are watched, since an administrator may edit definitions by hand
// or move roots and images about; a file that became nonsense makes that one
// zone invalid and nothing else. Every request reads its zone's file again, so that nobody waits for the
// watch.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "accounts.hpp"
#include "clerk.hpp"
#include "host.hpp"
#include "jobs.hpp"
#include "store/definitions.hpp"
#include "store/images.hpp"
#include "store/zone_storage.hpp"
#include "sys/event_loop.hpp"
#include "sys/folder_watch.hpp"
#include "zone.hpp"
#include "zone/validate.hpp"

namespace zoned::daemon {

class Registry {
public:
    struct Listener {
        std::function<void(const Zone&)> zoneAdded;
        std::function<void(const Zone&, const std::vector<std::string>& properties)> zoneChanged;
        std::function<void(const zone::ZoneName&)> zoneRemoved;
        std::function<void(const std::string& name)> imageAdded;
        std::function<void(const std::string& name)> imageChanged; // UsedBy
        std::function<void(const std::string& name)> imageRemoved;
    };

    Registry(sys::EventLoop& loop, const Host& host, const Jobs& jobs, const Accounts& accounts, Clerk& clerk);
    void listen(Listener listener) { listener_ = std::move(listener); }
    /// Reads everything and begins to watch the definitions.
    void load();

    [[nodiscard]] std::vector<zone::ZoneName> names() const;
    /// Throws Fault noSuchZone.
    [[nodiscard]] Zone& zone(const std::string& name);
    [[nodiscard]] Zone* find(const zone::ZoneName& name);
    [[nodiscard]] const ZoneView& view(const zone::ZoneName& name) const;
    /// Reads the zone's definition and record again. Throws Fault noSuchZone where nothing is left of it. A file that
    /// cannot be read is the zone's problem and no exception: the zone can be stopped all the same.
    Zone& refresh(const std::string& name);
    /// The zone as it is known, refreshed only where it is not known or one of its files is another one than was read:
    /// for what anybody may call as often as he likes. Throws Fault noSuchZone.
    Zone& current(const std::string& name);
    /// As current(), of a zone that is to be booted: one that could not be when it was read is read again, since that
    /// may have been for the host's sake: a disk that was not there yet.
    Zone& toBoot(const std::string& name);
    /// What the zone is booted with has been written: looks at it again.
    void bootedAnew(const zone::ZoneName& name);
    /// To be called after any change of a zone: works out what the bus shows, and tells what is new.
    void changed(const zone::ZoneName& name);

    /// Checks a text that is to be stored, whose administrators Accounts has learnt. Throws zone::DefinitionFault, and
    /// Fault failed where it is not known whether there are such users.
    /// @param self the zone that it is for, whose own addresses do not stand in its way; "" for none
    [[nodiscard]] zone::Definition check(const std::string& text, const std::string& origin, const std::string& self);
    /// Stores a new definition. A root that has lost its own is taken up again where it is of the same image, which is
    /// returned as a sentence; "" mostly. Throws Fault nameTaken where there is a definition, or a root of another image.
    [[nodiscard]] std::string define(const zone::Definition& definition, const std::string& text);
    /// Stores another definition for a zone that has one.
    void redefine(const zone::ZoneName& name, const std::string& text);
    void undefine(const zone::ZoneName& name);
    /// Shows the zone's record as this, and has it written; the end of a job of the zone's waits for that. Throws
    /// sys::Error for a record that was not read whole.
    void saveRecord(const zone::ZoneName& name, const store::ZoneRecord& record);
    /// Notes that it runs, or does not, for after a power cut.
    void markRunning(const zone::ZoneName& name, bool running);
    /// Calls back when all records of the zone are on the disk, or with why one could not be written.
    void whenSaved(const zone::ZoneName& name, const Clerk::Done& then);
    /// Whether the zone was given addresses that the disk does not know yet, or could not be told.
    [[nodiscard]] bool owesAddresses(const zone::ZoneName& name) const;
    void createStorage(const zone::ZoneName& name, const store::ZoneRecord& record);
    /// Takes the zone's root away; returns the folder for a worker to remove. forgetStorage ends it.
    [[nodiscard]] std::string retireStorage(const zone::ZoneName& name);
    void forgetStorage(const zone::ZoneName& name);

    [[nodiscard]] store::Images& images() noexcept { return images_; }
    [[nodiscard]] const store::ZoneStorage& storage() const noexcept { return storage_; }
    /// An image appeared or went away: looks at all of them, and at the zones, again.
    void imagesChanged();
    [[nodiscard]] std::vector<std::string> usersOf(const std::string& image) const;
    /// Zones that name this one in after or requires.
    [[nodiscard]] std::vector<std::string> waitingFor(const std::string& zone) const;

    /// Addresses that zones but `self` have, with the zone's name.
    [[nodiscard]] std::vector<std::pair<std::uint32_t, std::string>> addressesTaken(const std::string& self) const;
    /// First ids of the blocks that zones have.
    [[nodiscard]] std::vector<std::uint32_t> idBasesTaken() const;
    /// To be called before ids or addresses are given out. Throws Fault failed where those that a zone other than
    /// `self` has are not known.
    void requireKnownIds(const std::string& self) const;

private:
    void watchFolders();
    void lookAgain();
    void rescan();
    void refreshIfThere(const std::string& name);
    static void keepWhatWasKnown(const Zone& known, Zone& fresh);
    void readText(Zone& zone) const;
    void interpret(Zone& zone);
    void readRecord(Zone& zone);
    void readBooted(Zone& zone);
    [[nodiscard]] std::string stamp(const zone::ZoneName& name) const;
    [[nodiscard]] std::string imageStamp(const store::ZoneRecord& record) const;
    [[nodiscard]] bool isAsRead(const Zone& zone) const;
    void drop(const zone::ZoneName& name);
    void noteUsers(const std::string& image);
    Zone& add(const zone::ZoneName& name);
    [[nodiscard]] ZoneView look(const Zone& zone, std::uint32_t job) const;
    void takeHostIntoView();
    [[nodiscard]] bool hasNewAddresses(const zone::ZoneName& name, const store::ZoneRecord& record) const;
    void leaveSurroundings(const Zone& zone);
    void joinSurroundings(const Zone& zone);

    struct Entry {
        std::unique_ptr<Zone> zone;
        ZoneView view;
    };

    sys::EventLoop& loop_;
    const Host& host_;
    const Jobs& jobs_;
    const Accounts& accounts_;
    Clerk& clerk_;
    Listener listener_;
    store::Definitions definitions_;
    store::Images images_;
    store::ZoneStorage storage_;
    std::map<zone::ZoneName, Entry> zones_;
    std::string unlisted_; // why the zones on the disk are not known; "" where they are
    /// What definitions are judged in, with what each zone brings to it: kept, since gathering it anew for each of a
    /// thousand zones takes a thousand times a thousand steps. `zones` are also those that have not been read yet.
    zone::Surroundings around_;
    std::map<std::string, std::vector<std::uint32_t>> addressesOf_; // that each zone has brought to around_
    struct Unsaved {
        store::ZoneRecord record;
        std::uint64_t number = 0;
        std::optional<zone::Fault> fault; // it did not get there, and must not be forgotten
    };
    std::map<zone::ZoneName, Unsaved> unsaved_; // records that are on their way to the disk
    std::uint64_t lastSave_ = 0;
    std::map<std::string, std::string> imageIds_; // name -> id
    std::map<std::string, std::vector<std::string>> imageUsers_;
    sys::FolderWatch watch_;
    sys::EventLoop::Source watchSource_;
    std::set<std::string> touched_; // zones to look at again
    bool allTouched_ = false;
    sys::EventLoop::Source rescanTimer_;
};

} // namespace zoned::daemon
