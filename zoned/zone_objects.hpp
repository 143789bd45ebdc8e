// /org/zoned1/zone/NAME, all of them; see lib/api/org.zoned1.Zone.xml.
#pragma once

#include "api/zone_adaptor.hpp"
#include "bus_objects.hpp"
#include "object_family.hpp"

namespace zoned::daemon {

class ZoneObjects final : public ObjectFamily<org::zoned1::Zone_adaptor, zone::ZoneName> {
public:
    ZoneObjects(sdbus::IConnection& connection, const Domain& domain);

    void add(const zone::ZoneName& name);
    void remove(const zone::ZoneName& name);
    void changed(const zone::ZoneName& name, const std::vector<std::string>& properties);

private:
    using Dictionary = std::map<std::string, sdbus::Variant>;

    using JobResult = sdbus::Result<sdbus::ObjectPath>;

    void GetDefinition(sdbus::Result<std::string>&& result) override;
    void GetProblem(sdbus::Result<std::string>&& result) override;
    void GetDetails(sdbus::Result<Dictionary>&& result) override;
    using Keys = std::vector<std::string>;
    void Set(sdbus::Result<Keys, Keys, Keys>&& result, std::vector<sdbus::Struct<std::string, std::string>> settings,
             Dictionary options) override;
    void Install(JobResult&& result) override;
    void Uninstall(JobResult&& result) override;
    void Delete(JobResult&& result) override;
    void Boot(JobResult&& result, Dictionary options) override;
    void Ready(JobResult&& result) override;
    void Halt(JobResult&& result) override;
    void Shutdown(JobResult&& result, std::uint32_t timeout) override;
    void Reboot(JobResult&& result, bool force) override;
    void ClearMaintenance(sdbus::Result<>&& result) override;
    void Plan(sdbus::Result<std::vector<sdbus::Struct<std::string, std::string>>>&& result) override;
    std::map<std::string, std::uint64_t> Stat() override;
    void Exec(sdbus::Result<sdbus::UnixFd, std::vector<sdbus::UnixFd>>&& result, std::vector<std::string> argv,
              Dictionary options) override;
    void ReadLog(sdbus::Result<std::vector<sdbus::UnixFd>>&& result, std::string source) override;
    void OpenConsole(sdbus::Result<sdbus::UnixFd>&& result) override;

    std::string Name() override;
    std::string State() override;
    bool Booted() override;
    std::string Reason() override;
    std::string Problem() override;
    std::string Maintenance() override;
    std::string Description() override;
    std::string Image() override;
    bool Autoboot() override;
    bool Privileged() override;
    std::vector<sdbus::Struct<std::string, std::string>> Addresses() override;
    std::uint32_t InitPid() override;
    std::string InitKind() override;
    std::uint64_t OomKills() override;
    std::int64_t Since() override;
    std::uint32_t IdBase() override;
    std::string CGroup() override;
    std::string Group() override;
    std::vector<std::string> Changed() override;
    std::vector<sdbus::Struct<std::string, std::string>> Limits() override;
    sdbus::ObjectPath Job() override;

    [[nodiscard]] Request request(const char* text, Verb verb) const;
    template <typename Body>
    void job(JobResult&& result, const char* text, Verb verb, Body body);
    [[nodiscard]] const ZoneView& view() const { return domain_.registry.view(subject()); }

    Domain domain_;
};

} // namespace zoned::daemon
