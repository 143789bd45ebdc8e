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

sdbus::ObjectPath ImageObject::Delete() {
    const std::string name = info_.name; // the call takes the image away
    return answer("Delete of image " + name, [&] {
        requirePermission(getObject(), Verb::image, "image " + name);
        return jobObject(domain_.imageJobs.remove(name));
    });
}

} // namespace zoned::daemon
