// What a generated adaptor offers, taken down for somebody else to serve. With bus_compat.hpp, the one home of what
// differs between sdbus-c++ 1.2 and 2.x.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "api/bus_compat.hpp"

namespace zoned::api {

struct OfferedMethod {
    std::string name;
    std::string input; // signatures
    std::string output;
    std::string parameters; // their names, in and out, each ended by '\0': as sd-bus has them
    sdbus::method_callback call;
    std::uint64_t flags = 0; // SD_BUS_VTABLE_…
};

struct OfferedProperty {
    std::string name;
    std::string signature;
    sdbus::property_get_callback get;
    std::uint64_t flags = 0;
};

struct Offer {
    std::string interface;
    std::vector<OfferedMethod> methods;
    std::vector<OfferedProperty> properties;
};

/// The object that an adaptor is made for, where it stands for many. It has no path of its own to send signals from, so
/// that only methods and properties can be offered.
class AdaptorRecorder final : public sdbus::IObject {
public:
    AdaptorRecorder(sdbus::IConnection& connection, const std::string& path) : path_(path), connection_(connection) {}

    [[nodiscard]] const Offer& offer() const noexcept { return offer_; }

    /// The message that is being handled; nullptr outside. Returns the one before it.
    const sdbus::Message* handling(const sdbus::Message* message) { return std::exchange(message_, message); }

    void unregister() override { none(); }
    void emitInterfacesAddedSignal() override { none(); }
    void emitInterfacesRemovedSignal() override { none(); }
    void emitSignal(const sdbus::Signal&) override { none(); }
    void addObjectManager() override { none(); }
    [[nodiscard]] sdbus::IConnection& getConnection() const override { return connection_; }

#if ZONED_SDBUS_MAJOR >= 2

    void addVTable(sdbus::InterfaceName interfaceName, std::vector<sdbus::VTableItem> items) override {
        offer_.interface = interfaceName;
        for (sdbus::VTableItem& item : items) {
            if (auto* method = std::get_if<sdbus::MethodVTableItem>(&item)) {
                offer_.methods.push_back({method->name, method->inputSignature, method->outputSignature,
                                          ended(method->inputParamNames) + ended(method->outputParamNames),
                                          std::move(method->callbackHandler), method->flags.toSdBusMethodFlags()});
            } else if (auto* property = std::get_if<sdbus::PropertyVTableItem>(&item); property && !property->setter) {
                offer_.properties.push_back({property->name, property->signature, std::move(property->getter),
                                             property->flags.toSdBusPropertyFlags()});
            } else {
                none();
            }
        }
    }
    [[nodiscard]] sdbus::Slot addVTable(sdbus::InterfaceName, std::vector<sdbus::VTableItem>,
                                        sdbus::return_slot_t) override {
        none();
    }
    void emitPropertiesChangedSignal(const sdbus::InterfaceName&, const std::vector<sdbus::PropertyName>&) override {
        none();
    }
    void emitPropertiesChangedSignal(const char*, const std::vector<sdbus::PropertyName>&) override {
        none();
    }
    void emitPropertiesChangedSignal(const sdbus::InterfaceName&) override {
        none();
    }
    void emitPropertiesChangedSignal(const char*) override {
        none();
    }
    void emitInterfacesAddedSignal(const std::vector<sdbus::InterfaceName>&) override {
        none();
    }
    void emitInterfacesRemovedSignal(const std::vector<sdbus::InterfaceName>&) override {
        none();
    }
    [[nodiscard]] sdbus::Slot addObjectManager(sdbus::return_slot_t) override {
        none();
    }
    [[nodiscard]] const sdbus::ObjectPath& getObjectPath() const override {
        return path_;
    }
    [[nodiscard]] sdbus::Message getCurrentlyProcessedMessage() const override {
        return *message_;
    }
    [[nodiscard]] sdbus::Signal createSignal(const sdbus::InterfaceName&, const sdbus::SignalName&) const override {
        none();
    }
    [[nodiscard]] sdbus::Signal createSignal(const char*, const char*) const override {
        none();
    }

private:
    sdbus::ObjectPath path_;

#else

    void registerMethod(const std::string& interfaceName, std::string methodName, std::string inputSignature,
                        std::string outputSignature, sdbus::method_callback methodCallback,
                        sdbus::Flags flags) override {
        registerMethod(interfaceName, std::move(methodName), std::move(inputSignature), {}, std::move(outputSignature),
                       {}, std::move(methodCallback), flags);
    }
    void registerMethod(const std::string& interfaceName, std::string methodName, std::string inputSignature,
                        const std::vector<std::string>& inputNames, std::string outputSignature,
                        const std::vector<std::string>& outputNames, sdbus::method_callback methodCallback,
                        sdbus::Flags flags) override {
        offer_.interface = interfaceName;
        offer_.methods.push_back({std::move(methodName), std::move(inputSignature), std::move(outputSignature),
                                  ended(inputNames) + ended(outputNames), std::move(methodCallback),
                                  flags.toSdBusMethodFlags()});
    }
    void registerProperty(const std::string& interfaceName, std::string propertyName, std::string signature,
                          sdbus::property_get_callback getCallback, sdbus::Flags flags) override {
        offer_.interface = interfaceName;
        offer_.properties.push_back(
            {std::move(propertyName), std::move(signature), std::move(getCallback), flags.toSdBusPropertyFlags()});
    }
    void registerProperty(const std::string& interfaceName, std::string propertyName, std::string signature,
                          sdbus::property_get_callback getCallback, sdbus::property_set_callback setCallback,
                          sdbus::Flags flags) override {
        if (setCallback) {
            none();
        }
        registerProperty(interfaceName, std::move(propertyName), std::move(signature), std::move(getCallback), flags);
    }
    void registerSignal(const std::string&, std::string, std::string, sdbus::Flags) override {
        none();
    }
    void registerSignal(const std::string&, std::string, std::string, const std::vector<std::string>&,
                        sdbus::Flags) override {
        none();
    }
    void setInterfaceFlags(const std::string&, sdbus::Flags) override {
        none();
    }
    void finishRegistration() override {} // each member has been taken down as it came
    sdbus::Signal createSignal(const std::string&, const std::string&) override {
        none();
    }
    void emitPropertiesChangedSignal(const std::string&, const std::vector<std::string>&) override {
        none();
    }
    void emitPropertiesChangedSignal(const std::string&) override {
        none();
    }
    void emitInterfacesAddedSignal(const std::vector<std::string>&) override {
        none();
    }
    void emitInterfacesRemovedSignal(const std::vector<std::string>&) override {
        none();
    }
    void removeObjectManager() override {
        none();
    }
    [[nodiscard]] bool hasObjectManager() const override {
        return false;
    }
    [[nodiscard]] const std::string& getObjectPath() const override {
        return path_;
    }
    [[nodiscard]] const sdbus::Message* getCurrentlyProcessedMessage() const override {
        return message_;
    }

private:
    std::string path_;

#endif

    [[noreturn]] static void none() {
        throw std::logic_error("objects that share one table have methods and properties to be read, nothing else");
    }
    static std::string ended(const std::vector<std::string>& names) {
        std::string text;
        for (const std::string& name : names) {
            text += name + '\0';
        }
        return text;
    }

    sdbus::IConnection& connection_;
    Offer offer_;
    const sdbus::Message* message_ = nullptr;
};

} // namespace zoned::api
