#include "image_object.hpp"

namespace zoned::daemon {

ImageObject::ImageObject(sdbus::IConnection& connection, Domain domain, const std::string& name)
    : AdaptorInterfaces(connection, sdbus::ObjectPath(api::imagePath(name))), domain_(domain),
      info_(domain.registry.images().find(zone::ZoneName(name)).value_or(store::ImageInfo{name, "", "", "", 0, 0, 0})) {
    registerAdaptor();
    emitInterfacesAddedSignal();
}

ImageObject::~ImageObject() {
    unregisterAdaptor();
}

void ImageObject::usersChanged() {
    api::emitChanged(getObject(), org::zoned1::Image_adaptor::INTERFACE_NAME, {"UsedBy"});
}

void ImageObject::Delete(sdbus::Result<sdbus::ObjectPath>&& result) {
    authorisedJob(domain_, getObject(), std::move(result),
                  {"Delete of image " + info_.name, Verb::image, {"image", info_.name}},
                  [domain = domain_, name = info_.name] { return domain.imageJobs.remove(name); });
}

} // namespace zoned::daemon
