#include "image_objects.hpp"

namespace zoned::daemon {

ImageObjects::ImageObjects(sdbus::IConnection& connection, const Domain& domain)
    : ObjectFamily(connection, api::imageFolder), domain_(domain) {}

void ImageObjects::add(const std::string& name) {
    // an image never changes: what is read now stays true
    const auto info = domain_.registry.images().find(zone::ZoneName(name));
    ObjectFamily::add(api::imagePath(name), info.value_or(store::ImageInfo{name, "", "", "", 0, 0, 0, {}}));
}

void ImageObjects::remove(const std::string& name) {
    ObjectFamily::remove(api::imagePath(name));
}

void ImageObjects::usersChanged(const std::string& name) {
    emitChanged(api::imagePath(name), {"UsedBy"});
}

void ImageObjects::Delete(sdbus::Result<sdbus::ObjectPath>&& result) {
    const std::string& image = subject().name;
    authorisedJob(domain_, getObject(), std::move(result), {"Delete of image " + image, Verb::image, {"image", image}},
                  [domain = domain_, name = image] { return domain.imageJobs.remove(name); });
}

} // namespace zoned::daemon
