// /org/zoned1/image/NAME; see lib/api/org.zoned1.Image.xml.
#pragma once

#include "api/image_adaptor.hpp"
#include "bus_objects.hpp"

namespace zoned::daemon {

class ImageObject final : public sdbus::AdaptorInterfaces<org::zoned1::Image_adaptor, sdbus::ManagedObject_adaptor> {
public:
    ImageObject(sdbus::IConnection& connection, Domain domain, const std::string& name);
    ~ImageObject();
    ImageObject(const ImageObject&) = delete;
    ImageObject& operator=(const ImageObject&) = delete;

    void usersChanged();

private:
    std::string Name() override { return info_.name; }
    std::string Id() override { return info_.id; }
    std::string Origin() override { return info_.origin; }
    std::string OsName() override { return info_.osName; }
    std::uint64_t Bytes() override { return info_.bytes; }
    std::uint64_t Files() override { return info_.files; }
    std::int64_t Created() override { return info_.created; }
    std::vector<std::string> UsedBy() override { return domain_.registry.usersOf(info_.name); }
    void Delete(sdbus::Result<sdbus::ObjectPath>&& result) override;

    Domain domain_;
    store::ImageInfo info_; // an image never changes: a new one has a new object
};

} // namespace zoned::daemon
