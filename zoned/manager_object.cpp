#include "manager_object.hpp"

#include <fcntl.h>

#include "config.h"
#include "host_check.hpp"
#include "store/definition_yaml.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"
#include "sys/received_fds.hpp"

namespace zoned::daemon {
namespace {

using zone::Fault;
using zone::FaultKind;

constexpr std::size_t maxOrigin = 256;

/// What a text is called in complaints.
std::string checkedOrigin(const std::string& origin) {
    if (origin.size() > maxOrigin) {
        throw Fault(FaultKind::invalidArgument, "the text's origin is too long");
    }
    return origin.empty() ? "definition" : origin;
}

/// What is made of settings alone has no lines that the caller knows.
zone::Definition checkComposed(Registry& registry, const std::string& text, const std::string& origin, bool composed,
                               const std::string& self) {
    if (!composed || !origin.empty()) {
        return registry.check(text, composed ? origin + ", with the settings" : checkedOrigin(origin), self);
    }
    try {
        return registry.check(text, "", self);
    } catch (const zone::DefinitionFault& fault) {
        throw zone::withoutLines(fault);
    }
}

/// The right that it takes to define a zone. A text that cannot be read is told so only to those who may create zones.
template <typename Text>
Request requestToDefine(const Text& complete) {
    Request request{"Define", Verb::create, {}};
    try {
        const zone::Definition definition = store::parseDefinition(complete(), "").definition;
        request.verb = zone::givesPrivilege(definition) ? Verb::configPrivileged : Verb::create;
        request.target = targetOf("zone", definition.zone);
        request.target.because = sinceItHas(zone::privilegeKeys(definition));
    } catch (const Fault&) {
        // the body says it
    }
    return request;
}

std::string firstLine(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

/// The zone is not running, and not because anybody wanted it so.
bool endedBadly(const ZoneView& view) {
    return view.state != zone::State::running && !view.reason.empty() && !platform::isOrderlyEnd(view.reason);
}

} // namespace

ManagerObject::ManagerObject(sdbus::IConnection& connection, Domain domain)
    : AdaptorInterfaces(connection, sdbus::ObjectPath(api::managerPath)), domain_(domain) {
    registerAdaptor();
}

ManagerObject::~ManagerObject() {
    unregisterAdaptor();
}

std::string ManagerObject::Version() {
    return ZONED_VERSION;
}

std::string ManagerObject::noteOf(const ZoneView& view) const {
    std::string note;
    const auto add = [&note](const std::string& text) { note += (note.empty() ? "" : "; ") + text; };
    if (!view.maintenance.empty()) {
        add("maintenance: " + view.maintenance);
    }
    if (view.job != 0) {
        for (const JobInfo& job : domain_.jobs.list()) {
            if (job.id == view.job) {
                add(sys::join("job ", job.id, " (", job.kind, ")"));
            }
        }
    }
    if (view.privileged) {
        add("not root-safe");
    }
    if (!view.problem.empty()) {
        add("invalid: " + firstLine(view.problem));
    } else if (view.maintenance.empty() && endedBadly(view)) {
        add(firstLine(view.reason));
    }
    return note;
}

std::vector<ManagerObject::ZoneRow> ManagerObject::ListZones() {
    return answer("ListZones", [&] {
        std::vector<ZoneRow> rows;
        for (const zone::ZoneName& name : domain_.registry.names()) {
            const ZoneView& view = domain_.registry.view(name);
            std::vector<std::string> addresses;
            for (const auto& [interface, address] : view.addresses) {
                addresses.push_back(address.substr(0, address.find('/')));
            }
            rows.emplace_back(name.str(), std::string(zone::stateName(view.state)), noteOf(view), view.image, addresses,
                              sdbus::ObjectPath(api::zonePath(name.str())));
        }
        return rows;
    });
}

sdbus::ObjectPath ManagerObject::GetZone(const std::string& name) {
    return answer("GetZone", [&] {
        const Zone& zone = domain_.registry.current(name);
        return sdbus::ObjectPath(api::zonePath(zone.name.str()));
    });
}

void ManagerObject::Define(sdbus::Result<sdbus::ObjectPath, std::vector<std::string>>&& result, std::string name,
                           std::string text, std::string origin,
                           std::vector<sdbus::Struct<std::string, std::string>> settings) {
    const auto pairs = answer("Define", [&] { return settingsFrom(settings); });
    const auto complete = [name, text, pairs] {
        std::vector<std::pair<std::string, std::string>> all;
        if (!name.empty()) {
            all.emplace_back("zone", zone::ZoneName(name).str());
        }
        all.insert(all.end(), pairs.begin(), pairs.end());
        return all.empty() ? text : store::applySettings(text, all);
    };
    authorised(domain_, getObject(), std::move(result), requestToDefine(complete),
               [domain = domain_, name, text, origin, complete] {
                   const std::string definedBy = complete();
                   const zone::Definition definition =
                       checkComposed(domain.registry, definedBy, origin, definedBy != text, name);
                   const zone::ZoneName zoneName(definition.zone);
                   domain.jobs.requireFree({Held::zone, zoneName.str()});
                   domain.registry.define(zoneName, definedBy);
                   return std::tuple(sdbus::ObjectPath(api::zonePath(zoneName.str())),
                                     missingOnHost(domain.host, definition));
               });
}

void ManagerObject::Verify(sdbus::Result<std::string, std::vector<std::string>>&& result, std::string text,
                           std::string origin) {
    authorised(domain_, getObject(), std::move(result), {"Verify", Verb::create, {}}, [domain = domain_, text, origin] {
        const std::string called = checkedOrigin(origin);
        // The zone's own addresses do not stand in its way when its file is verified before it is put back.
        const std::string self = store::parseDefinition(text, called).definition.zone;
        const zone::Definition definition = domain.registry.check(text, called, self);
        return std::tuple(definition.zone, missingOnHost(domain.host, definition));
    });
}

std::vector<ManagerObject::ImageRow> ManagerObject::ListImages() {
    return answer("ListImages", [&] {
        std::vector<ImageRow> rows;
        for (const store::ImageInfo& image : domain_.registry.images().list()) {
            rows.emplace_back(image.name, image.origin, image.osName, image.bytes, image.created,
                              domain_.registry.usersOf(image.name), sdbus::ObjectPath(api::imagePath(image.name)));
        }
        return rows;
    });
}

void ManagerObject::ImportImage(sdbus::Result<sdbus::ObjectPath>&& result, std::string name, sdbus::UnixFd archive,
                                std::string origin) {
    answer("ImportImage", [&] {
        if (sys::isNetworkSocket(archive.get())) {
            // not kept for the time that polkit takes: its sender could give it back the linger that was taken off
            throw Fault(FaultKind::invalidArgument, "the archive comes from a network socket; put a pipe between");
        }
    });
    const auto own = std::make_shared<sys::UniqueFd>(fcntl(archive.get(), F_DUPFD_CLOEXEC, 3));
    if (*own) {
        // sdbus-c++'s own copy would be inherited by the worker
        sys::setCloseOnExec(archive.get());
    }
    authorisedJob(domain_, getObject(), std::move(result), {"ImportImage", Verb::image, targetOf("image", name)},
                  [domain = domain_, name, own, origin] {
                      if (!*own) {
                          throw Fault(FaultKind::invalidArgument, "the archive's descriptor is not usable");
                      }
                      return domain.imageJobs.import(name, std::move(*own), origin);
                  });
}

void ManagerObject::BuildImage(sdbus::Result<sdbus::ObjectPath>&& result, std::string name, std::string suite,
                               std::map<std::string, sdbus::Variant> options) {
    authorisedJob(domain_, getObject(), std::move(result), {"BuildImage", Verb::image, targetOf("image", name)},
                  [domain = domain_, name, suite, options] {
                      Options given(options);
                      BuildOptions build;
                      build.suite = suite;
                      build.mirror = given.take<std::string>("mirror", "");
                      build.include = given.take<std::vector<std::string>>("include", {});
                      build.init = given.take<std::string>("init", build.init);
                      given.requireEmpty();
                      return domain.imageJobs.build(name, build);
                  });
}

void ManagerObject::Autoboot(sdbus::Result<sdbus::ObjectPath>&& result) {
    authorisedJob(domain_, getObject(), std::move(result), {"Autoboot", Verb::manage, {}},
                  [domain = domain_] { return domain.hostBoot.bootAll(); });
}

void ManagerObject::ShutdownAll(sdbus::Result<sdbus::ObjectPath>&& result) {
    authorisedJob(domain_, getObject(), std::move(result), {"ShutdownAll", Verb::manage, {}},
                  [domain = domain_] { return domain.hostBoot.shutdownAll(); });
}

void ManagerObject::Stat(sdbus::Result<Numbers, std::vector<StatRow>>&& result, std::vector<std::string> names) {
    // the collection ends in a later turn of the loop, or not at all: its functions are copied on the way
    const auto pending = std::make_shared<sdbus::Result<Numbers, std::vector<StatRow>>>(std::move(result));
    try {
        domain_.statistics.collect(names, [pending](const Sample& sample) {
            std::vector<StatRow> rows;
            for (const ZoneSample& zone : sample.zones) {
                rows.emplace_back(zone.name, zone.state, zone.numbers);
            }
            pending->returnResults(sample.host, rows);
        });
    } catch (...) {
        pending->returnError(errorReply(std::current_exception(), "Stat"));
    }
}

std::vector<ManagerObject::JobRow> ManagerObject::ListJobs() {
    return answer("ListJobs", [&] {
        std::vector<JobRow> rows;
        for (const JobInfo& job : domain_.jobs.list()) {
            rows.emplace_back(job.id, job.kind, job.hold.name, job.progress, job.message, jobObject(job.id),
                              std::chrono::system_clock::to_time_t(job.began));
        }
        return rows;
    });
}

} // namespace zoned::daemon
