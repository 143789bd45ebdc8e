// /org/zoned1/zone/NAME; see lib/api/org.zoned1.Zone.xml.
#pragma once

#include "api/zone_adaptor.hpp"
#include "bus_objects.hpp"

namespace zoned::daemon {

class ZoneObject final : public sdbus::AdaptorInterfaces<org::zoned1::Zone_adaptor, sdbus::ManagedObject_adaptor> {
public:
    ZoneObject(sdbus::IConnection& connection, Domain domain, const zone::ZoneName& name);
    ~ZoneObject();
    ZoneObject(const ZoneObject&) = delete;
    ZoneObject& operator=(const ZoneObject&) = delete;

    void propertiesChanged(const std::vector<std::string>& properties);

private:
    using Dictionary = std::map<std::string, sdbus::Variant>;

    std::string GetDefinition() override;
    sdbus::ObjectPath Install() override;
    sdbus::ObjectPath Uninstall() override;
    sdbus::ObjectPath Delete() override;
    sdbus::ObjectPath Boot(const Dictionary& options) override;
    sdbus::ObjectPath Ready() override;
    sdbus::ObjectPath Halt() override;
    sdbus::ObjectPath Shutdown(const std::uint32_t& timeout) override;
    sdbus::ObjectPath Reboot(const bool& force) override;
    std::vector<sdbus::Struct<std::string, std::string>> Plan() override;
    void Exec(sdbus::Result<sdbus::UnixFd, std::vector<sdbus::UnixFd>>&& result, std::vector<std::string> argv,
              Dictionary options) override;
    std::vector<sdbus::UnixFd> ReadLog(const std::string& source) override;
    void OpenConsole(sdbus::Result<sdbus::UnixFd>&& result) override;

    std::string Name() override;
    std::string State() override;
    bool Booted() override;
    std::string Reason() override;
    std::string Problem() override;
    std::string Description() override;
    std::string Image() override;
    bool Autoboot() override;
    bool Privileged() override;
    std::vector<sdbus::Struct<std::string, std::string>> Addresses() override;
    std::uint32_t InitPid() override;
    std::string InitKind() override;
    std::int64_t Since() override;
    std::uint32_t IdBase() override;
    std::string Uuid() override;
    std::string CGroup() override;
    sdbus::ObjectPath Job() override;

    template <typename Body>
    sdbus::ObjectPath job(const char* request, Verb verb, Body&& body);
    [[nodiscard]] const ZoneView& view() const { return domain_.registry.view(name_); }

    Domain domain_;
    zone::ZoneName name_;
};

} // namespace zoned::daemon
