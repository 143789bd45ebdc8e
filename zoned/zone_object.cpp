#include "zone_object.hpp"

#include <nlohmann/json.hpp>

#include "sys/error.hpp"
#include "zone_log.hpp"

namespace zoned::daemon {
namespace {

using zone::Fault;
using zone::FaultKind;

sdbus::UnixFd handOver(sys::UniqueFd fd) {
    return {fd.release(), sdbus::adopt_fd};
}

/// The options of Exec as the supervisor wants them.
nlohmann::json execRequest(const std::vector<std::string>& argv, Options options) {
    nlohmann::json request;
    request["argv"] = argv;
    request["user"] = options.take<std::string>("user", "");
    request["cwd"] = options.take<std::string>("cwd", "");
    request["env"] = options.take<std::map<std::string, std::string>>("env", {});
    request["tty"] = options.take<bool>("tty", false);
    request["rows"] = options.take<std::uint16_t>("rows", 24);
    request["columns"] = options.take<std::uint16_t>("columns", 80);
    request["term"] = options.take<std::string>("term", "");
    options.requireEmpty();
    return request;
}

/// An answer that is given later, once, by whichever of two functions is called.
template <typename... Values>
class Pending {
public:
    explicit Pending(sdbus::Result<Values...>&& result)
        : result_(std::make_shared<sdbus::Result<Values...>>(std::move(result))) {}

    void reply(const Values&... values) const { result_->returnResults(values...); }
    void refuse(const std::exception_ptr& exception, const std::string& request) const {
        result_->returnError(errorReply(exception, request));
    }
    void refuse(const Fault& fault, const std::string& request) const {
        refuse(std::make_exception_ptr(fault), request);
    }

private:
    std::shared_ptr<sdbus::Result<Values...>> result_;
};

const Fault strangeAnswer(FaultKind::failed, "the zone's supervisor gave an answer that is not understood");

} // namespace

ZoneObject::ZoneObject(sdbus::IConnection& connection, Domain domain, const zone::ZoneName& name)
    : AdaptorInterfaces(connection, sdbus::ObjectPath(api::zonePath(name.str()))), domain_(domain), name_(name) {
    registerAdaptor();
    emitInterfacesAddedSignal();
}

ZoneObject::~ZoneObject() {
    unregisterAdaptor();
}

void ZoneObject::propertiesChanged(const std::vector<std::string>& properties) {
    api::emitChanged(getObject(), org::zoned1::Zone_adaptor::INTERFACE_NAME, properties);
}

/// A request that is a job: authorise, one call, the job's path.
template <typename Body>
sdbus::ObjectPath ZoneObject::job(const char* request, Verb verb, Body&& body) {
    const std::string name = name_.str(); // the call may end this object
    return answer(std::string(request) + " of zone " + name, [&] {
        requirePermission(getObject(), verb, "zone " + name);
        return jobObject(body(name));
    });
}

std::string ZoneObject::GetDefinition() {
    return answer("GetDefinition of zone " + name_.str(), [&] {
        requirePermission(getObject(), Verb::details, "zone " + name_.str());
        const Zone& zone = domain_.registry.refresh(name_.str());
        if (!zone.text) {
            throw Fault(FaultKind::invalidDefinition, zone.problem);
        }
        return *zone.text;
    });
}

sdbus::ObjectPath ZoneObject::Install() {
    return job("Install", Verb::manage, [&](const auto& name) { return domain_.installer.install(name); });
}

sdbus::ObjectPath ZoneObject::Uninstall() {
    return job("Uninstall", Verb::manage, [&](const auto& name) { return domain_.installer.uninstall(name); });
}

sdbus::ObjectPath ZoneObject::Delete() {
    return job("Delete", Verb::configure, [&](const auto& name) { return domain_.installer.remove(name); });
}

sdbus::ObjectPath ZoneObject::Boot(const Dictionary& options) {
    return job("Boot", Verb::manage, [&](const auto& name) {
        Options given(options);
        Lifecycle::BootOptions boot;
        boot.initArgs = given.take<std::vector<std::string>>("args", {});
        boot.wait = given.take<bool>("wait", false);
        given.requireEmpty();
        return domain_.lifecycle.boot(name, boot);
    });
}

sdbus::ObjectPath ZoneObject::Ready() {
    return job("Ready", Verb::manage, [&](const auto& name) { return domain_.lifecycle.ready(name); });
}

sdbus::ObjectPath ZoneObject::Halt() {
    return job("Halt", Verb::manage, [&](const auto& name) { return domain_.lifecycle.halt(name); });
}

sdbus::ObjectPath ZoneObject::Shutdown(const std::uint32_t& timeout) {
    return job("Shutdown", Verb::manage, [&](const auto& name) { return domain_.lifecycle.shutdown(name, timeout); });
}

sdbus::ObjectPath ZoneObject::Reboot(const bool& force) {
    return job("Reboot", Verb::manage, [&](const auto& name) { return domain_.lifecycle.reboot(name, force); });
}

std::vector<sdbus::Struct<std::string, std::string>> ZoneObject::Plan() {
    return answer("Plan of zone " + name_.str(), [&] {
        requirePermission(getObject(), Verb::details, "zone " + name_.str());
        std::vector<sdbus::Struct<std::string, std::string>> steps;
        for (const auto& [step, purpose] : domain_.lifecycle.plan(name_.str())) {
            steps.emplace_back(step, purpose);
        }
        return steps;
    });
}

void ZoneObject::Exec(sdbus::Result<sdbus::UnixFd, std::vector<sdbus::UnixFd>>&& result, std::vector<std::string> argv,
                      Dictionary options) {
    const std::string request = "Exec in zone " + name_.str();
    const Pending<sdbus::UnixFd, std::vector<sdbus::UnixFd>> pending(std::move(result));
    try {
        requirePermission(getObject(), Verb::enter, "zone " + name_.str());
        domain_.lifecycle.exec(
            name_.str(), execRequest(argv, Options(options)),
            [pending, request](std::vector<sys::UniqueFd> fds) {
                if (fds.size() < 2) {
                    pending.refuse(strangeAnswer, request);
                    return;
                }
                std::vector<sdbus::UnixFd> stdio;
                for (std::size_t i = 1; i < fds.size(); ++i) {
                    stdio.push_back(handOver(std::move(fds[i])));
                }
                pending.reply(handOver(std::move(fds[0])), stdio);
            },
            [pending, request](const Fault& fault) { pending.refuse(fault, request); });
    } catch (...) {
        pending.refuse(std::current_exception(), request);
    }
}

std::vector<sdbus::UnixFd> ZoneObject::ReadLog(const std::string& source) {
    return answer("ReadLog of zone " + name_.str(), [&] {
        requirePermission(getObject(), Verb::enter, "zone " + name_.str());
        std::vector<sdbus::UnixFd> files;
        for (sys::UniqueFd& file : openZoneLog(domain_.host, name_, source)) {
            files.push_back(handOver(std::move(file)));
        }
        return files;
    });
}

void ZoneObject::OpenConsole(sdbus::Result<sdbus::UnixFd>&& result) {
    const std::string request = "OpenConsole of zone " + name_.str();
    const Pending<sdbus::UnixFd> pending(std::move(result));
    try {
        requirePermission(getObject(), Verb::enter, "zone " + name_.str());
        domain_.lifecycle.console(
            name_.str(),
            [pending, request](std::vector<sys::UniqueFd> fds) {
                if (fds.size() != 1) {
                    pending.refuse(strangeAnswer, request);
                } else {
                    pending.reply(handOver(std::move(fds[0])));
                }
            },
            [pending, request](const Fault& fault) { pending.refuse(fault, request); });
    } catch (...) {
        pending.refuse(std::current_exception(), request);
    }
}

std::string ZoneObject::Name() {
    return name_.str();
}
std::string ZoneObject::State() {
    return std::string(zone::stateName(view().state));
}
bool ZoneObject::Booted() {
    return view().booted;
}
std::string ZoneObject::Reason() {
    return view().reason;
}
std::string ZoneObject::Problem() {
    return view().problem;
}
std::string ZoneObject::Description() {
    return view().description;
}
std::string ZoneObject::Image() {
    return view().image;
}
bool ZoneObject::Autoboot() {
    return view().autoboot;
}
bool ZoneObject::Privileged() {
    return view().privileged;
}
std::uint32_t ZoneObject::InitPid() {
    return view().initPid;
}
std::string ZoneObject::InitKind() {
    return view().initKind;
}
std::int64_t ZoneObject::Since() {
    return view().since;
}
std::uint32_t ZoneObject::IdBase() {
    return view().idBase;
}
std::string ZoneObject::Uuid() {
    return view().uuid;
}
std::string ZoneObject::CGroup() {
    return view().cgroup;
}
sdbus::ObjectPath ZoneObject::Job() {
    return view().job == 0 ? sdbus::ObjectPath("/") : jobObject(view().job);
}

std::vector<sdbus::Struct<std::string, std::string>> ZoneObject::Addresses() {
    std::vector<sdbus::Struct<std::string, std::string>> rows;
    for (const auto& [interface, address] : view().addresses) {
        rows.emplace_back(interface, address);
    }
    return rows;
}

} // namespace zoned::daemon
