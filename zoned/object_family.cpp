#include "object_family.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "error_reply.hpp"
#include "sys/error.hpp"

namespace zoned::daemon {
namespace {

void require(int code, const std::string& what) {
    if (code < 0) {
        throw sys::Error(what, -code);
    }
}

/// What a handler throws, as sd-bus wants it: the negative number of the error.
int refuse(sd_bus_error* error, const std::string& request) noexcept {
    try {
        try {
            throw;
        } catch (const sdbus::Error&) {
            throw;
        } catch (...) {
            throw errorReply(std::current_exception(), request);
        }
    } catch (const sdbus::Error& thrown) {
        return sd_bus_error_set(error, api::nameOf(thrown).c_str(), std::string(thrown.getMessage()).c_str());
    }
}

// as wide as the field
constexpr std::uint64_t allFlags = (std::uint64_t{1} << 56U) - 1;

// The macros of sd-bus-vtable.h are for tables that are written down: flags that are known at run time alone are
// narrowed, which braces do not allow.
sd_bus_vtable start() {
    sd_bus_vtable item = SD_BUS_VTABLE_START(0);
    item.flags = sdbus::Flags{}.toSdBusInterfaceFlags() & allFlags;
    return item;
}

sd_bus_vtable methodItem(const api::OfferedMethod& method, sd_bus_message_handler_t handler) {
    sd_bus_vtable item = SD_BUS_METHOD_WITH_NAMES(method.name.c_str(), method.input.c_str(), method.parameters.c_str(),
                                                  method.output.c_str(), , handler, 0);
    item.flags = method.flags & allFlags;
    return item;
}

sd_bus_vtable propertyItem(const api::OfferedProperty& property, sd_bus_property_get_t getter) {
    sd_bus_vtable item = SD_BUS_PROPERTY(property.name.c_str(), property.signature.c_str(), getter, 0, 0);
    item.flags = property.flags & allFlags;
    return item;
}

template <typename Offered>
const Offered& named(const std::vector<Offered>& all, const char* name) {
    // sd-bus asks for nothing that is not in the table
    return *std::ranges::find_if(all, [&](const Offered& one) { return one.name == name; });
}

} // namespace

/// One object's turn to be asked. Turns nest: a handler that changes a zone has the zone's properties read.
struct ServedFamily::Turn {
    Turn(ServedFamily& served, const char* path, const sdbus::Message* message)
        : family(served), pathBefore(std::exchange(served.path_, path)), before(served.recorder_.handling(message)) {}
    ~Turn() {
        family.path_ = std::move(pathBefore);
        (void)family.recorder_.handling(before);
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    ServedFamily& family;
    std::string pathBefore;
    const sdbus::Message* before;
};

ServedFamily::ServedFamily(sdbus::IConnection& connection, const std::string& folder)
    : folder_(folder), recorder_(connection, folder), door_(sdbus::createObject(connection, sdbus::ObjectPath(folder))),
      like_(door_->createSignal(api::interfaceName("org.zoned1.Family"), api::signalName("Never"))) {}

ServedFamily::~ServedFamily() = default;

sd_bus* ServedFamily::bus() const {
    return sd_bus_message_get_bus(api::RawMessage::of(like_));
}

void ServedFamily::serve() {
    table_.push_back(start());
    for (const api::OfferedMethod& method : recorder_.offer().methods) {
        table_.push_back(methodItem(method, &call));
    }
    for (const api::OfferedProperty& property : recorder_.offer().properties) {
        table_.push_back(propertyItem(property, &get));
    }
    table_.push_back(SD_BUS_VTABLE_END);
    sd_bus_slot* slot = nullptr;
    require(sd_bus_add_fallback_vtable(bus(), &slot, folder_.c_str(), recorder_.offer().interface.c_str(),
                                       table_.data(), &find, this),
            "offering " + recorder_.offer().interface);
    served_.reset(slot);
    require(sd_bus_add_node_enumerator(bus(), &slot, folder_.c_str(), &list, this), "listing " + folder_);
    listed_.reset(slot);
}

void ServedFamily::emitAdded(const std::string& path) {
    require(sd_bus_emit_object_added(bus(), path.c_str()), "telling of " + path);
}

void ServedFamily::emitRemoved(const std::string& path) {
    require(sd_bus_emit_object_removed(bus(), path.c_str()), "telling of the end of " + path);
}

void ServedFamily::emitChanged(const std::string& path, const std::vector<std::string>& properties) {
    if (properties.empty() || !knows(path)) {
        return;
    }
    std::vector<char*> names;
    for (const std::string& name : properties) {
        names.push_back(const_cast<char*>(name.c_str())); // only read
    }
    names.push_back(nullptr);
    require(sd_bus_emit_properties_changed_strv(bus(), path.c_str(), recorder_.offer().interface.c_str(), names.data()),
            "telling what has changed of " + path);
}

int ServedFamily::find(sd_bus*, const char* path, const char*, void* data, void** found, sd_bus_error*) noexcept {
    *found = data;
    return static_cast<ServedFamily*>(data)->knows(path) ? 1 : 0;
}

int ServedFamily::list(sd_bus*, const char*, void* data, char*** found, sd_bus_error* error) noexcept {
    try {
        const std::vector<std::string> paths = static_cast<ServedFamily*>(data)->paths();
        // the one place where sd-bus frees what it is given
        auto** copies = static_cast<char**>(std::calloc(paths.size() + 1, sizeof(char*)));
        for (std::size_t i = 0; copies != nullptr && i < paths.size(); ++i) {
            copies[i] = ::strdup(paths[i].c_str());
        }
        *found = copies;
        return copies == nullptr ? -ENOMEM : 0;
    } catch (...) {
        return refuse(error, "listing objects");
    }
}

int ServedFamily::call(sd_bus_message* message, void* data, sd_bus_error* error) noexcept {
    auto& family = *static_cast<ServedFamily*>(data);
    const char* const member = sd_bus_message_get_member(message);
    try {
        const api::Wrapped<sdbus::MethodCall> wrapped(message, family.like_);
        const Turn turn(family, sd_bus_message_get_path(message), &wrapped);
        named(family.recorder_.offer().methods, member).call(wrapped);
        return 1;
    } catch (...) {
        return refuse(error, member);
    }
}

int ServedFamily::get(sd_bus*, const char* path, const char*, const char* property, sd_bus_message* reply, void* data,
                      sd_bus_error* error) noexcept {
    auto& family = *static_cast<ServedFamily*>(data);
    try {
        api::Wrapped<sdbus::PropertyGetReply> wrapped(reply, family.like_);
        const Turn turn(family, path, nullptr);
        named(family.recorder_.offer().properties, property).get(wrapped);
        return 0;
    } catch (...) {
        return refuse(error, property);
    }
}

} // namespace zoned::daemon
