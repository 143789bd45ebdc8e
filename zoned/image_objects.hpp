// /org/zoned1/image/NAME, all of them; see lib/api/org.zoned1.Image.xml.
#pragma once

#include "api/image_adaptor.hpp"
#include "bus_objects.hpp"
#include "object_family.hpp"

namespace zoned::daemon {

class ImageObjects final : public ObjectFamily<org::zoned1::Image_adaptor, store::ImageInfo> {
public:
    ImageObjects(sdbus::IConnection& connection, const Domain& domain);

    void add(const std::string& name);
    void remove(const std::string& name);
    void usersChanged(const std::string& name);

private:
    std::string Name() override { return subject().name; }
    std::string Id() override { return subject().id; }
    std::string Origin() override { return subject().origin; }
    std::string OsName() override { return subject().osName; }
    std::uint64_t Bytes() override { return subject().bytes; }
    std::uint64_t Files() override { return subject().files; }
    std::int64_t Created() override { return subject().created; }
    std::vector<std::string> Notes() override { return subject().notes; }
    std::vector<std::string> UsedBy() override { return domain_.registry.usersOf(subject().name); }
    void Delete(sdbus::Result<sdbus::ObjectPath>&& result) override;

    Domain domain_;
};

} // namespace zoned::daemon
