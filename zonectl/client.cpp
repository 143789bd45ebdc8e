#include "client.hpp"

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "api/bus_compat.hpp"
#include "api/image_proxy.hpp"
#include "api/job_proxy.hpp"
#include "api/manager_proxy.hpp"
#include "api/object_path.hpp"
#include "api/zone_proxy.hpp"
#include "listener.hpp"
#include "password_agent.hpp"
#include "sys/error.hpp"
#include "terminal.hpp"
#include "zone/zone_name.hpp"

namespace zoned::ctl {

namespace {

using sys::join;

constexpr const char* service = "org.zoned1";
constexpr const char* managerPath = "/org/zoned1";

// How long a call may take that asks a person for a password; the service gives up before.
constexpr std::chrono::seconds passwordTime{150};

/// Proxies of objects whose signals nobody listens to.
template <typename Interface>
class Proxy final : public sdbus::ProxyInterfaces<Interface> {
public:
    Proxy(sdbus::IConnection& bus, const ObjectPath& path)
        : sdbus::ProxyInterfaces<Interface>(bus, api::serviceName(service), sdbus::ObjectPath{path}) {
        this->registerProxy();
    }
    ~Proxy() { this->unregisterProxy(); }
};

using ZoneProxy = Proxy<org::zoned1::Zone_proxy>;
using ImageProxy = Proxy<org::zoned1::Image_proxy>;
using JobProxy = Proxy<org::zoned1::Job_proxy>;

/// Its signals are not subscribed to: that costs every verb a round trip each, and few want them (see Ends, Listener).
class ManagerProxy final : public sdbus::ProxyInterfaces<org::zoned1::Manager_proxy> {
public:
    explicit ManagerProxy(sdbus::IConnection& bus)
        : ProxyInterfaces(bus, api::serviceName(service), sdbus::ObjectPath{managerPath}) {}
    ~ManagerProxy() { unregisterProxy(); }
    void allowInteraction() {
        interactive_ = true;
        api::allowInteraction(getProxy(), true);
    }
    /// A call on this connection that is worth an answer but no password: nobody is asked for one.
    template <typename Call>
    auto withoutAsking(Call&& call) {
        if (!interactive_) {
            return call();
        }
        const std::unique_ptr<ManagerProxy, void (*)(ManagerProxy*)> back(
            this, [](ManagerProxy* self) { api::allowInteraction(self->getProxy(), true); });
        api::allowInteraction(getProxy(), false);
        return call();
    }
    /// See api::addMatchAhead().
    void addMatchAhead(const char* match, int (*handler)(sd_bus_message*, void*, sd_bus_error*), void* data) {
        api::addMatchAhead(getProxy(), match, handler, data);
    }

private:
    void onJobNew(const std::uint32_t& /*id*/, const sdbus::ObjectPath& /*job*/, const std::string& /*kind*/,
                  const std::string& /*object*/) override {}
    void onJobRemoved(const std::uint32_t& /*id*/, const sdbus::ObjectPath& /*job*/, const std::string& /*kind*/,
                      const std::string& /*object*/, const std::string& /*result*/, const std::string& /*error*/,
                      const std::string& /*message*/) override {}

    bool interactive_ = false;
};

/// Remembers the ends of all jobs from the moment it is made, which is before the first of ours is asked for: a job
/// may end before the reply that names it has been read.
class Ends {
public:
    explicit Ends(ManagerProxy& manager) {
        manager.addMatchAhead("type='signal',sender='org.zoned1',interface='org.zoned1.Manager',member='JobRemoved'",
                              add, this);
    }
    Ends(const Ends&) = delete;
    Ends& operator=(const Ends&) = delete;
    /// With more than everybody is told, where we may have it: that is asked once.
    [[nodiscard]] std::optional<JobEnd> of(const ObjectPath& job, ManagerProxy& manager) {
        const auto found = ends_.find(job);
        if (found == ends_.end()) {
            return std::nullopt;
        }
        End& end = found->second;
        if (!end.told.message.empty() && !std::exchange(end.asked, true)) {
            try {
                const auto [result, error, message] = manager.withoutAsking([&] { return manager.GetJobEnd(end.id); });
                end.told = {result, error, message};
            } catch (const sdbus::Error&) { // NOLINT(bugprone-empty-catch): it is not for us, and what we have stays
            }
        }
        return end.told;
    }

private:
    static int add(sd_bus_message* message, void* self, sd_bus_error* /*error*/) {
        std::uint32_t id = 0;
        const char *path = nullptr, *kind = nullptr, *object = nullptr;
        const char *result = nullptr, *error = nullptr, *text = nullptr;
        if (!api::isBroadcast(message)) {
            return 0; // anybody's
        }
        // another shape is that of a service of another version: nothing that we could tell
        if (sd_bus_message_read(message, "uosssss", &id, &path, &kind, &object, &result, &error, &text) >= 0) {
            static_cast<Ends*>(self)->ends_[path] = {{result, error, text}, id, false};
        }
        return 0;
    }

    struct End {
        JobEnd told;
        std::uint32_t id = 0;
        bool asked = false; // for the rest of it
    };
    std::map<ObjectPath, End> ends_;
};

/// What D-Bus itself says where there is no service, in words that help.
BusError translate(const sdbus::Error& error) {
    const std::string name = api::nameOf(error);
    const auto is = [&](const char* last) { return name == join("org.freedesktop.DBus.Error.", last); };
    if (is("ServiceUnknown") || is("NameHasNoOwner") || name.starts_with("org.freedesktop.DBus.Error.Spawn")) {
        return {name, "zoned is not running; start it with 'systemctl start zoned' (without systemd: run zoned)"};
    }
    if (is("NoReply") || is("Timeout") || is("Disconnected")) {
        return {name, "zoned did not answer; see its log ('journalctl -u zoned')"};
    }
    if (is("AccessDenied")) {
        return {name, "not permitted; try it as root"};
    }
    if (is("UnknownObject")) {
        return {name, "it does not exist any more"};
    }
    const std::string& text = error.getMessage();
    return {name, text.empty() ? name : text};
}

template <typename Call>
auto ask(Call&& call) -> decltype(call()) {
    try {
        return call();
    } catch (const sdbus::Error& error) {
        throw translate(error);
    }
}

bool passwordsUnwanted = false; // an option of the whole program

/// Whether somebody is there who could be asked for a password.
bool canAskPassword() {
    return !passwordsUnwanted && ::geteuid() != 0 && isTerminal(STDIN_FILENO) && isTerminal(STDERR_FILENO);
}

std::unique_ptr<sdbus::IConnection> connectToBus() {
    try {
        return sdbus::createSystemBusConnection();
    } catch (const sdbus::Error& error) {
        throw BusError(api::nameOf(error), join("cannot reach the system bus: ", error.getMessage(),
                                                " (is dbus-daemon or dbus-broker running?)"));
    }
}

} // namespace

struct Client::State {
    std::unique_ptr<sdbus::IConnection> bus = connectToBus();
    std::unique_ptr<ManagerProxy> manager = ask([&] { return std::make_unique<ManagerProxy>(*bus); });
    std::unique_ptr<Ends> ends;
    std::unique_ptr<Listener> listener;
    bool interactive = false;
    std::optional<PasswordAgent> agent;

    /// Of a zone, by the path that its name gives. That it exists is first asked when the call finds no object: then
    /// GetZone has the sentence that says why, or, of a definition that was laid down a moment ago, makes one.
    template <typename Call>
    auto onZone(const ObjectPath& path, Call&& call) {
        return ask([&] {
            ZoneProxy zone(*bus, path);
            try {
                return call(zone);
            } catch (const sdbus::Error& error) {
                const std::string name = api::nameInPath(path, "zone");
                if (api::nameOf(error) != "org.freedesktop.DBus.Error.UnknownObject" || name.empty()) {
                    throw;
                }
                (void)manager->GetZone(name);
            }
            return call(zone);
        });
    }
    /// A call that polkit may have to judge. What is public needs no agent, and does not wait for one to start.
    template <typename Call>
    auto request(Call&& call) -> decltype(call()) {
        if (interactive && !agent) {
            agent.emplace();
        }
        return ask(std::forward<Call>(call));
    }
    template <typename Call>
    auto requestOfZone(const ObjectPath& zone, Call&& call) {
        return request([&] { return onZone(zone, std::forward<Call>(call)); });
    }
    /// A request that answers with a job.
    template <typename Call>
    ObjectPath job(Call&& call) {
        if (!ends) {
            ask([&] { ends = std::make_unique<Ends>(*manager); });
        }
        return request(std::forward<Call>(call));
    }
    template <typename Call>
    ObjectPath jobOfZone(const ObjectPath& zone, Call&& call) {
        return job([&]() -> ObjectPath { return onZone(zone, std::forward<Call>(call)); });
    }
};

void Client::neverAskPassword() noexcept {
    passwordsUnwanted = true;
}

Client::Client() : state_(std::make_unique<State>()) {
    if (canAskPassword()) {
        state_->interactive = true;
        ask([&] {
            state_->manager->allowInteraction();
            state_->bus->setMethodCallTimeout(passwordTime);
        });
    }
}
Client::~Client() = default;

std::string Client::version() {
    return ask([&] { return state_->manager->Version(); });
}

std::vector<ZoneSummary> Client::zones() {
    return ask([&] {
        std::vector<ZoneSummary> result;
        for (const auto& zone : state_->manager->ListZones()) {
            result.push_back(
                {zone.get<0>(), zone.get<1>(), zone.get<2>(), zone.get<3>(), zone.get<4>(), zone.get<5>()});
        }
        return result;
    });
}

std::vector<ImageSummary> Client::images() {
    return ask([&] {
        std::vector<ImageSummary> result;
        for (const auto& image : state_->manager->ListImages()) {
            result.push_back({image.get<0>(), image.get<1>(), image.get<2>(), image.get<3>(), image.get<4>(),
                              image.get<5>(), image.get<6>()});
        }
        return result;
    });
}

std::vector<JobSummary> Client::jobs() {
    return ask([&] {
        std::vector<JobSummary> result;
        for (const auto& job : state_->manager->ListJobs()) {
            result.push_back(
                {job.get<0>(), job.get<1>(), job.get<2>(), job.get<3>(), job.get<4>(), job.get<5>(), job.get<6>()});
        }
        return result;
    });
}

Sample Client::sample(const std::vector<std::string>& names) {
    return ask([&] {
        const auto [host, zones] = state_->manager->Stat(names);
        Sample sample{host, {}};
        for (const auto& zone : zones) {
            sample.zones.push_back({zone.get<0>(), zone.get<1>(), zone.get<2>()});
        }
        return sample;
    });
}

void Client::listen() {
    if (!state_->listener) { // its subscriptions last as long as the connection
        ask([&] { state_->listener = std::make_unique<Listener>(*state_->bus); });
    }
}

std::vector<News> Client::takeNews() {
    return state_->listener ? state_->listener->take() : std::vector<News>{};
}

ObjectPath Client::zone(const std::string& name) {
    if (!zone::ZoneName::problem(name)) {
        return api::zonePath(name);
    }
    return ask([&]() -> ObjectPath { return state_->manager->GetZone(name); }); // which says what is wrong with it
}

ObjectPath Client::image(const std::string& name) {
    const auto all = images();
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& image) { return image.name == name; });
    if (found == all.end()) {
        throw BusError("org.zoned1.Error.NoSuchImage", join("there is no image '", name, "'"));
    }
    return found->path;
}

namespace {

/// What is wrong with the definition, or, for those who may not read that, where.
std::string problemOf(ZoneProxy& zone) {
    std::string places = zone.Problem();
    if (places.empty()) {
        return places;
    }
    try {
        return zone.GetProblem();
    } catch (const sdbus::Error&) {
        return places;
    }
}

/// What is not for everybody, where it is for us.
void addDetails(ZoneProxy& zone, ZoneDetails& details) {
    std::map<std::string, sdbus::Variant> known;
    try {
        known = zone.GetDetails();
    } catch (const sdbus::Error&) {
        return;
    }
    details.detailed = true;
    const auto take = [&known](const char* key, auto& value) {
        using Value = std::remove_reference_t<decltype(value)>;
        if (const auto found = known.find(key); found != known.end() && found->second.containsValueOfType<Value>()) {
            value = found->second.get<Value>();
        }
    };
    take("reason", details.reason);
    take("maintenance", details.maintenance);
    take("machine-id", details.machineId);
    take("after", details.after);
    take("requires", details.needs);
    take("host-requires", details.hostRequires);
    take("restart", details.restart);
    take("boot-priority", details.bootPriority);
    std::vector<sdbus::Struct<std::string, std::string>> links;
    take("host-interfaces", links);
    for (const auto& link : links) {
        details.hostInterfaces.emplace_back(link.get<0>(), link.get<1>());
    }
}

} // namespace

ZoneDetails Client::zoneDetails(const ObjectPath& path) {
    return state_->onZone(path, [&manager = *state_->manager](ZoneProxy& zone) {
        ZoneDetails details;
        details.name = zone.Name();
        details.state = zone.State();
        details.booted = zone.Booted();
        details.reason = zone.Reason();
        details.problem = manager.withoutAsking([&] { return problemOf(zone); });
        details.maintenance = zone.Maintenance();
        details.description = zone.Description();
        details.image = zone.Image();
        details.autoboot = zone.Autoboot();
        details.privileged = zone.Privileged();
        for (const auto& address : zone.Addresses()) {
            details.addresses.emplace_back(address.get<0>(), address.get<1>());
        }
        details.initPid = zone.InitPid();
        details.initKind = zone.InitKind();
        details.since = zone.Since();
        details.idBase = zone.IdBase();
        details.cgroup = zone.CGroup();
        details.group = zone.Group();
        details.changed = zone.Changed();
        for (const auto& limit : zone.Limits()) {
            details.limits.emplace_back(limit.get<0>(), limit.get<1>());
        }
        details.job = zone.Job();
        manager.withoutAsking([&] { addDetails(zone, details); });
        return details;
    });
}

std::vector<std::string> Client::waitsOf(const ObjectPath& path) {
    ZoneDetails details;
    state_->onZone(path, [&, this](ZoneProxy& zone) {
        state_->manager->withoutAsking([&] { addDetails(zone, details); });
        return 0;
    });
    std::vector<std::string> waits = std::move(details.after);
    waits.insert(waits.end(), details.needs.begin(), details.needs.end());
    return waits;
}

ImageDetails Client::imageDetails(const ObjectPath& path) {
    return ask([&] {
        ImageProxy image(*state_->bus, path);
        return ImageDetails{image.Name(),  image.Id(),      image.Origin(), image.OsName(), image.Bytes(),
                            image.Files(), image.Created(), image.UsedBy(), image.Notes()};
    });
}

std::string Client::definition(const ObjectPath& zone) {
    return state_->requestOfZone(zone, [](ZoneProxy& proxy) { return proxy.GetDefinition(); });
}

Pairs Client::plan(const ObjectPath& zone) {
    return state_->requestOfZone(zone, [](ZoneProxy& proxy) {
        Pairs steps;
        for (const auto& step : proxy.Plan()) {
            steps.emplace_back(step.get<0>(), step.get<1>());
        }
        return steps;
    });
}

Defined Client::define(const std::string& name, const std::string& text, const std::string& origin,
                       const Pairs& settings) {
    std::vector<sdbus::Struct<std::string, std::string>> sent;
    for (const auto& [key, value] : settings) {
        sent.emplace_back(key, value);
    }
    auto [zone, warnings] = state_->request([&] { return state_->manager->Define(name, text, origin, sent); });
    return {std::move(zone), std::move(warnings)};
}

Verified Client::verify(const std::string& text, const std::string& origin) {
    auto [zone, warnings] = state_->request([&] { return state_->manager->Verify(text, origin); });
    return {std::move(zone), std::move(warnings)};
}

SetOutcome Client::set(const ObjectPath& zone, const Pairs& settings, bool runtime, bool stored) {
    std::map<std::string, sdbus::Variant> options;
    if (runtime) {
        options.emplace("runtime", sdbus::Variant{true});
    }
    if (stored) {
        options.emplace("stored", sdbus::Variant{true});
    }
    std::vector<sdbus::Struct<std::string, std::string>> pairs;
    for (const auto& [key, value] : settings) {
        pairs.emplace_back(key, value);
    }
    auto [applied, waiting, warnings] =
        state_->requestOfZone(zone, [&](ZoneProxy& proxy) { return proxy.Set(pairs, options); });
    return {std::move(applied), std::move(waiting), std::move(warnings)};
}

ObjectPath Client::install(const ObjectPath& zone) {
    return state_->jobOfZone(zone, [](ZoneProxy& proxy) -> ObjectPath { return proxy.Install(); });
}

ObjectPath Client::uninstall(const ObjectPath& zone) {
    return state_->jobOfZone(zone, [](ZoneProxy& proxy) -> ObjectPath { return proxy.Uninstall(); });
}

ObjectPath Client::remove(const ObjectPath& zone) {
    return state_->jobOfZone(zone, [](ZoneProxy& proxy) -> ObjectPath { return proxy.Delete(); });
}

ObjectPath Client::boot(const ObjectPath& zone, const std::vector<std::string>& initArgs, bool wait) {
    std::map<std::string, sdbus::Variant> options;
    if (!initArgs.empty()) {
        options.emplace("args", sdbus::Variant{initArgs});
    }
    if (wait) {
        options.emplace("wait", sdbus::Variant{true});
    }
    return state_->jobOfZone(zone, [&](ZoneProxy& proxy) -> ObjectPath { return proxy.Boot(options); });
}

ObjectPath Client::ready(const ObjectPath& zone) {
    return state_->jobOfZone(zone, [](ZoneProxy& proxy) -> ObjectPath { return proxy.Ready(); });
}

ObjectPath Client::halt(const ObjectPath& zone) {
    return state_->jobOfZone(zone, [](ZoneProxy& proxy) -> ObjectPath { return proxy.Halt(); });
}

ObjectPath Client::shutdown(const ObjectPath& zone, std::chrono::seconds timeout) {
    const auto seconds = static_cast<std::uint32_t>(timeout.count());
    return state_->jobOfZone(zone, [&](ZoneProxy& proxy) -> ObjectPath { return proxy.Shutdown(seconds); });
}

ObjectPath Client::reboot(const ObjectPath& zone, bool force) {
    return state_->jobOfZone(zone, [&](ZoneProxy& proxy) -> ObjectPath { return proxy.Reboot(force); });
}

void Client::clearMaintenance(const ObjectPath& zone) {
    state_->requestOfZone(zone, [](ZoneProxy& proxy) { proxy.ClearMaintenance(); });
}

ObjectPath Client::autoboot() {
    return state_->job([&]() -> ObjectPath { return state_->manager->Autoboot(); });
}

ObjectPath Client::shutdownAll() {
    return state_->job([&]() -> ObjectPath { return state_->manager->ShutdownAll(); });
}

ObjectPath Client::buildImage(const std::string& name, const ImageRecipe& recipe) {
    std::map<std::string, sdbus::Variant> options;
    if (!recipe.mirror.empty()) {
        options.emplace("mirror", sdbus::Variant{recipe.mirror});
    }
    if (!recipe.include.empty()) {
        options.emplace("include", sdbus::Variant{recipe.include});
    }
    if (!recipe.init.empty()) {
        options.emplace("init", sdbus::Variant{recipe.init});
    }
    return state_->job([&]() -> ObjectPath { return state_->manager->BuildImage(name, recipe.suite, options); });
}

ObjectPath Client::importImage(const std::string& name, int archive, const std::string& origin) {
    return state_->job(
        [&]() -> ObjectPath { return state_->manager->ImportImage(name, sdbus::UnixFd{archive}, origin); });
}

ObjectPath Client::removeImage(const ObjectPath& image) {
    return state_->job([&]() -> ObjectPath { return ImageProxy(*state_->bus, image).Delete(); });
}

ExecStreams Client::execWithoutAsking(const ObjectPath& zone, const ExecRequest& request) {
    return state_->manager->withoutAsking([&] { return exec(zone, request); });
}

ExecStreams Client::exec(const ObjectPath& zone, const ExecRequest& request) {
    std::map<std::string, sdbus::Variant> options;
    const auto put = [&](const char* key, const auto& value, bool given) {
        if (given) {
            options.emplace(key, sdbus::Variant{value});
        }
    };
    put("user", request.user, !request.user.empty());
    put("cwd", request.cwd, !request.cwd.empty());
    put("env", request.environment, !request.environment.empty());
    put("tty", true, request.tty);
    put("rows", request.rows, request.tty && request.rows > 0);
    put("columns", request.columns, request.tty && request.columns > 0);
    put("term", request.term, request.tty && !request.term.empty());
    return state_->requestOfZone(zone, [&](ZoneProxy& proxy) {
        auto [control, stdio] = proxy.Exec(request.argv, options);
        ExecStreams streams;
        streams.control.reset(control.release());
        for (auto& fd : stdio) {
            streams.stdio.emplace_back(fd.release());
        }
        if (streams.stdio.size() != (request.tty ? 1U : 3U)) {
            throw BusError("org.zoned1.Error.Failed", "zoned answered with the wrong number of streams");
        }
        return streams;
    });
}

sys::UniqueFd Client::openConsole(const ObjectPath& zone) {
    return state_->requestOfZone(zone, [](ZoneProxy& proxy) { return sys::UniqueFd(proxy.OpenConsole().release()); });
}

std::vector<sys::UniqueFd> Client::readLog(const ObjectPath& zone, const std::string& source) {
    return state_->requestOfZone(zone, [&](ZoneProxy& proxy) {
        std::vector<sys::UniqueFd> files;
        for (auto& file : proxy.ReadLog(source)) {
            files.emplace_back(file.release());
        }
        return files;
    });
}

void Client::cancel(const ObjectPath& job) {
    state_->request([&] { JobProxy(*state_->bus, job).Cancel(); });
}

std::optional<JobEnd> Client::ended(const ObjectPath& job) {
    return state_->ends ? state_->ends->of(job, *state_->manager) : std::nullopt;
}

int Client::fd() const {
    return state_->bus->getEventLoopPollData().fd;
}
short Client::events() const {
    return state_->bus->getEventLoopPollData().events;
}
int Client::timeout() const {
    return state_->bus->getEventLoopPollData().getPollTimeout();
}

void Client::dispatch() {
    ask([&] {
        while (api::processPending(*state_->bus)) {
        }
    });
}

} // namespace zoned::ctl
