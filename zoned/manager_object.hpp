// /org/zoned1: the service as a whole; see lib/api/org.zoned1.Manager.xml.
#pragma once

#include "api/manager_adaptor.hpp"
#include "bus_objects.hpp"

namespace zoned::daemon {

class ManagerObject final
    : public sdbus::AdaptorInterfaces<org::zoned1::Manager_adaptor, sdbus::ObjectManager_adaptor> {
public:
    ManagerObject(sdbus::IConnection& connection, Domain domain);
    ~ManagerObject();
    ManagerObject(const ManagerObject&) = delete;
    ManagerObject& operator=(const ManagerObject&) = delete;

private:
    using ZoneRow =
        sdbus::Struct<std::string, std::string, std::string, std::string, std::vector<std::string>, sdbus::ObjectPath>;
    using ImageRow = sdbus::Struct<std::string, std::string, std::string, std::uint64_t, std::int64_t,
                                   std::vector<std::string>, sdbus::ObjectPath>;
    using JobRow =
        sdbus::Struct<std::uint32_t, std::string, std::string, double, std::string, sdbus::ObjectPath, std::int64_t>;

    using StatRow = sdbus::Struct<std::string, std::string, Numbers>;

    std::vector<ZoneRow> ListZones() override;
    sdbus::ObjectPath GetZone(const std::string& name) override;
    void Define(sdbus::Result<sdbus::ObjectPath, std::vector<std::string>>&& result, std::string name, std::string text,
                std::string origin, std::vector<sdbus::Struct<std::string, std::string>> settings) override;
    void Verify(sdbus::Result<std::string, std::vector<std::string>>&& result, std::string text,
                std::string origin) override;
    std::vector<ImageRow> ListImages() override;
    void ImportImage(sdbus::Result<sdbus::ObjectPath>&& result, std::string name, sdbus::UnixFd archive,
                     std::string origin) override;
    void BuildImage(sdbus::Result<sdbus::ObjectPath>&& result, std::string name, std::string suite,
                    std::map<std::string, sdbus::Variant> options) override;
    void Autoboot(sdbus::Result<sdbus::ObjectPath>&& result) override;
    void ShutdownAll(sdbus::Result<sdbus::ObjectPath>&& result) override;
    void Stat(sdbus::Result<Numbers, std::vector<StatRow>>&& result, std::vector<std::string> names) override;
    std::vector<JobRow> ListJobs() override;
    void GetJobEnd(sdbus::Result<std::string, std::string, std::string>&& result, std::uint32_t id) override;
    std::string Version() override;

    [[nodiscard]] std::string noteOf(const ZoneView& view) const;

    Domain domain_;
};

} // namespace zoned::daemon
