// What every object on the bus needs: the domain behind it, and who asks.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <string_view>

#include "api/bus_compat.hpp"
#include "api/object_path.hpp"
#include "authorizer.hpp"
#include "error_reply.hpp"
#include "image_jobs.hpp"
#include "installer.hpp"
#include "jobs.hpp"
#include "lifecycle.hpp"
#include "registry.hpp"
#include "statistics.hpp"

namespace zoned::daemon {

/// The domain functions that the bus offers.
struct Domain {
    const Host& host;
    Registry& registry;
    Jobs& jobs;
    Lifecycle& lifecycle;
    Installer& installer;
    ImageJobs& imageJobs;
    Statistics& statistics;
};

/// Throws Fault notPermitted where the sender of the message that `object` handles may not do this.
void requirePermission(sdbus::IObject& object, Verb verb, const std::string& target);

[[nodiscard]] inline sdbus::ObjectPath jobObject(std::uint32_t id) {
    return sdbus::ObjectPath(api::jobPath(id));
}

/// The options of a request (a{sv}), each taken by name and type; what is left over is refused.
class Options {
public:
    explicit Options(const std::map<std::string, sdbus::Variant>& values) : values_(values) {}

    template <typename Type>
    Type take(const std::string& name, Type fallback) {
        const auto node = values_.extract(name);
        if (node.empty()) {
            return fallback;
        }
        if (!node.mapped().containsValueOfType<Type>()) {
            throw zone::Fault(zone::FaultKind::invalidArgument, "the option '" + name + "' has another type");
        }
        return node.mapped().get<Type>();
    }
    /// Throws Fault invalidArgument where an option was not taken: none is ignored.
    void requireEmpty() const {
        if (!values_.empty()) {
            throw zone::Fault(zone::FaultKind::invalidArgument, "there is no option '" + values_.begin()->first + "'");
        }
    }

private:
    std::map<std::string, sdbus::Variant> values_;
};

} // namespace zoned::daemon
