// All objects of one kind on the bus ("/org/zoned1/zone/NAME"), served by one table: one more object costs its entry in
// a map, where an object with a table of its own costs 16 KiB.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/adaptor_recorder.hpp"

namespace zoned::daemon {

/// The bus's side, whatever the objects are about.
class ServedFamily {
public:
    ServedFamily(const ServedFamily&) = delete;
    ServedFamily& operator=(const ServedFamily&) = delete;

protected:
    /// @param folder the objects are right below it: "/org/zoned1/zone"
    ServedFamily(sdbus::IConnection& connection, const std::string& folder);
    virtual ~ServedFamily();

    /// What a generated adaptor is made for, and what tells who is asking.
    [[nodiscard]] sdbus::IObject& getObject() noexcept { return recorder_; }
    /// The object that is being asked.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    /// To be called once the adaptor has registered what it offers.
    void serve();
    void emitAdded(const std::string& path);
    void emitRemoved(const std::string& path); // while it is still known
    void emitChanged(const std::string& path, const std::vector<std::string>& properties);

private:
    struct Turn;
    [[nodiscard]] virtual bool knows(const std::string& path) const = 0;
    [[nodiscard]] virtual std::vector<std::string> paths() const = 0;

    // What sd-bus calls; `data` is the family.
    static int find(sd_bus*, const char* path, const char*, void* data, void** found, sd_bus_error*) noexcept;
    static int list(sd_bus*, const char*, void* data, char*** found, sd_bus_error* error) noexcept;
    static int call(sd_bus_message* message, void* data, sd_bus_error* error) noexcept;
    static int get(sd_bus*, const char* path, const char*, const char* property, sd_bus_message* reply, void* data,
                   sd_bus_error* error) noexcept;
    [[nodiscard]] sd_bus* bus() const;

    using Slot = std::unique_ptr<sd_bus_slot, decltype(&sd_bus_slot_unref)>;

    std::string folder_;
    api::AdaptorRecorder recorder_;
    std::unique_ptr<sdbus::IObject> door_; // the folder itself, to reach the connection by
    sdbus::Signal like_;                   // never sent: see api::Wrapped
    std::string path_;
    std::vector<sd_bus_vtable> table_;
    Slot served_{nullptr, &sd_bus_slot_unref};
    Slot listed_{nullptr, &sd_bus_slot_unref};
};

/// @tparam Adaptor generated from the interface's XML
/// @tparam Subject what is kept of each object
template <typename Adaptor, typename Subject>
class ObjectFamily : public ServedFamily, public Adaptor {
public:
    /// Where it is there already, the subject is replaced.
    void add(const std::string& path, Subject subject) {
        if (subjects_.insert_or_assign(path, std::move(subject)).second) {
            emitAdded(path);
        }
    }
    void remove(const std::string& path) {
        if (subjects_.contains(path)) {
            emitRemoved(path);
            subjects_.erase(path);
        }
    }

protected:
    ObjectFamily(sdbus::IConnection& connection, const std::string& folder)
        : ServedFamily(connection, folder), Adaptor(ServedFamily::getObject()) {
        if constexpr (requires(ObjectFamily & self) { self.Adaptor::registerAdaptor(); }) {
            this->Adaptor::registerAdaptor(); // sdbus-c++ 1.2 does it in the adaptor's constructor
        }
        serve();
    }

    /// Of the object that is being asked. Whatever runs later than the request takes a copy: the object may be gone.
    [[nodiscard]] const Subject& subject() const { return subjects_.at(path()); }
    [[nodiscard]] Subject* subjectOf(const std::string& path) {
        const auto found = subjects_.find(path);
        return found == subjects_.end() ? nullptr : &found->second;
    }

private:
    [[nodiscard]] bool knows(const std::string& path) const override { return subjects_.contains(path); }
    [[nodiscard]] std::vector<std::string> paths() const override {
        std::vector<std::string> all;
        for (const auto& [path, subject] : subjects_) {
            all.push_back(path);
        }
        return all;
    }

    std::map<std::string, Subject> subjects_;
};

} // namespace zoned::daemon
