#include "service.hpp"

#include <malloc.h>

#include <algorithm>

#include <spdlog/spdlog.h>

#include "api/error_names.hpp"
#include "border.hpp"
#include "log.hpp"
#include "platform/limits.hpp"
#include "sys/error.hpp"
#include "sys/file.hpp"

namespace zoned::daemon {
namespace {

// After the last job for so long, memory that jobs have taken and left goes back to the kernel. Once: it is no clock.
constexpr std::chrono::milliseconds calm{100};

} // namespace

Service::Service(sys::EventLoop& loop, Host host)
    : loop_(loop), host_(std::move(host)), bus_(loop), clerk_(loop, host_.workerProgram),
      jobs_(
          loop,
          [this](const Hold& hold, auto then) {
              if (hold.what == Held::zone) {
                  clerk_.settled(hold.name, std::move(then));
              } else {
                  then(std::nullopt);
              }
          },
          JobNumbers(host_.paths.run + "/last-job")),
      workers_(loop, host_.workerProgram), lookups_(loop, workers_),
      accounts_([this](const auto& accounts, auto then) { lookups_.accounts(accounts, std::move(then)); }),
      registry_(loop, host_, jobs_, accounts_, clerk_), ids_(host_, registry_),
      launcher_(host_.systemd ? systemdLauncher(loop, host_, bus_, groupOf(), resourcesOf())
                              : directLauncher(loop, host_, groupOf())),
      network_(loop, host_), lifecycle_(loop, host_, registry_, jobs_, *launcher_, network_),
      installer_(host_, registry_, jobs_, workers_, ids_), imageJobs_(host_, registry_, jobs_, workers_, ids_),
      polkit_(loop, bus_.connection()), authorizer_(authorities()),
      hostBoot_(loop, host_, registry_, jobs_, lifecycle_), statistics_(loop, host_, registry_),
      machined_(bus_.connection(), host_),
      oomWatch_(loop, [this](const zone::ZoneName& name, std::uint64_t killed, std::uint64_t total) {
          outOfMemory(name, killed, total);
      }) {}

Service::~Service() {
    jobs_.listen({});
    registry_.listen({});
}

Domain Service::domain() {
    return {host_,       registry_,   jobs_,          lifecycle_,       installer_, imageJobs_, hostBoot_,
            authorizer_, statistics_, bus_.callers(), bus_.turnstile(), lookups_,   accounts_};
}

Authorities Service::authorities() {
    return {[this](const std::string& user) { return accounts_.user(user); },
            [this](const std::string& group) { return accounts_.group(group); },
            [this](const Caller& caller) { return bus_.callers().of(caller.name).groups; },
            [this](const Question& question, Authorities::Answer then) { polkit_.ask(question, std::move(then)); },
            describeUser};
}

/// What the launcher asks for the group of a zone.
GroupOf Service::groupOf() {
    return [this](const zone::ZoneName& name) {
        const Zone* zone = registry_.find(name);
        return zone != nullptr && zone->definition ? zone->definition->group : std::string();
    };
}

/// What the launcher asks for the weights of a zone.
ResourcesOf Service::resourcesOf() {
    return [this](const zone::ZoneName& name) {
        const Zone* zone = registry_.find(name);
        return zone != nullptr && zone->definition ? zone->definition->resources : zone::Resources{};
    };
}

void Service::start(std::function<void()> ready) {
    ready_ = std::move(ready);
    manager_ = std::make_unique<ManagerObject>(bus_.connection(), domain());
    publishZones();
    publishJobs();
    registry_.load();
    attempt("telling which zones ran when the host went down", [this] { lifecycle_.noticePowerLoss(); });
    attempt("removing what interrupted work has left", [this] { imageJobs_.sweep(); });
    attempt("reading which zones are to be restarted", [this] { hostBoot_.load(); });
    launcher_->watchStops({[this](const zone::ZoneName& name) { return hostBoot_.restarts(name); },
                           [this](const zone::ZoneName& name) { return machined_.isBusyWith(name); },
                           [this](const zone::ZoneName& name) { hostBoot_.unitStopped(name); }});
    recover();
}

void Service::publishZones() {
    zoneObjects_ = std::make_unique<ZoneObjects>(bus_.connection(), domain());
    imageObjects_ = std::make_unique<ImageObjects>(bus_.connection(), domain());
    Registry::Listener listener;
    // a zone, an image, a job is what it is, whether that can be shown to everybody or not
    listener.zoneAdded = [this](const Zone& zone) {
        attempt("showing a new zone", [&] { zoneObjects_->add(zone.name); });
        attempt("preparing a zone's unit", [&] { launcher_->prepare(zone.name); });
    };
    listener.zoneChanged = [this](const Zone& zone, const std::vector<std::string>& properties) {
        zoneChanged(zone, properties);
    };
    listener.zoneRemoved = [this](const zone::ZoneName& name) {
        attempt("forgetting a zone's unit", [&] { launcher_->forget(name); });
        attempt("forgetting what is to be restarted", [&] { hostBoot_.zoneRemoved(name); });
        attempt("forgetting a zone's memory", [&] { oomWatch_.follow(name, 0, ""); });
        attempt("showing that a zone is gone", [&] { zoneObjects_->remove(name); });
    };
    listener.imageAdded = [this](const std::string& name) {
        attempt("showing a new image", [&] { imageObjects_->add(name); });
    };
    listener.imageChanged = [this](const std::string& name) {
        attempt("showing who uses an image", [&] { imageObjects_->usersChanged(name); });
    };
    listener.imageRemoved = [this](const std::string& name) {
        attempt("showing that an image is gone", [&] { imageObjects_->remove(name); });
    };
    registry_.listen(std::move(listener));
}

void Service::zoneChanged(const Zone& zone, const std::vector<std::string>& properties) {
    const LogAbout about(zone.name.str());
    attempt("preparing its unit", [&] { launcher_->prepare(zone.name); });
    const ZoneView& view = registry_.view(zone.name);
    const auto init = static_cast<pid_t>(view.initPid);
    attempt("telling systemd-machined", [&] { machined_.follow(zone.name, init); });
    attempt("watching its memory",
            [&] { oomWatch_.follow(zone.name, init, host_.cgroupRoot + platform::payloadCgroup(view.cgroup)); });
    attempt("showing what has changed", [&] { zoneObjects_->changed(zone.name, properties); });
    if (!zone::isActive(view.state)) {
        network_.zoneEnded();
    }
}

void Service::outOfMemory(const zone::ZoneName& name, std::uint64_t killed, std::uint64_t total) {
    Zone* zone = registry_.find(name);
    if (zone == nullptr || !zone->status) {
        return;
    }
    const LogAbout about(name.str());
    spdlog::warn("zone {}: the kernel killed {} of its processes for want of memory, {} since its boot", name.str(),
                 killed, total);
    zone->oomKills = total;
    zone->oomKillsOf = zone->status->initPid;
    registry_.changed(name);
}

void Service::publishJobs() {
    jobObjects_ = std::make_unique<JobObjects>(bus_.connection(), domain());
    Jobs::Listener listener;
    listener.added = [this](const JobInfo& job) {
        attempt("showing a new job", [&] {
            jobObjects_->add(job);
            manager_->emitJobNew(job.id, jobObject(job.id), job.kind, job.hold.name);
        });
        showBusy(job);
    };
    listener.changed = [this](const JobInfo& job) {
        attempt("showing how far a job is", [&] { jobObjects_->changed(job); });
    };
    listener.removed = [this](const JobInfo& job, const JobEnd& end) { jobEnded(job, end); };
    jobs_.listen(std::move(listener));
}

/// A zone whose change cannot be shown must not keep its job from beginning or ending.
void Service::showBusy(const JobInfo& job) {
    if (job.hold.what == Held::zone) {
        attempt("showing that a zone is busy", [&] { registry_.changed(zone::ZoneName(job.hold.name)); });
    }
}

void Service::jobEnded(const JobInfo& job, const JobEnd& end) {
    const LogAbout about(job.hold.what == Held::zone ? job.hold.name : "");
    const std::string result(end.result());
    const std::string error(end.fault ? api::errorName(*end.fault) : "");
    if (end.fault) {
        spdlog::warn("job {} ({} of {}) {}: {}", job.id, job.kind, holdText(job.hold), result, end.text);
    }
    showBusy(job);
    attempt("showing a job's end", [&] {
        jobObjects_->remove(job);
        manager_->emitJobRemoved(job.id, jobObject(job.id), job.kind, job.hold.name, result, error, end.publicText());
    });
    attempt("going on with the zones of the host's boot", [&] { hostBoot_.jobEnded(job, end); });
    if (jobs_.none()) {
        tidying_ = loop_.after(calm, [] { ::malloc_trim(0); });
    }
}

/// Every folder in RUN/zones is a zone that was active, or had its console open, when the last service ended.
void Service::recover() {
    // before the list is taken: a supervisor that begins to listen meanwhile is seen twice, and not missed
    runWatch_.emplace(loop_, host_.paths.runZones, [this](const std::string& name) {
        attempt("noticing a supervisor", [&] { lifecycle_.supervisorAppeared(name); });
    });
    std::vector<zone::ZoneName> names;
    for (const std::string& entry : sys::listDirectory(host_.paths.runZones)) {
        if (!zone::ZoneName::problem(entry)) {
            names.emplace_back(entry);
        }
    }
    recovering_ = names.size() + 1;
    for (const zone::ZoneName& name : names) {
        const LogAbout about(name.str());
        const auto settled = [this, told = std::make_shared<bool>(false)] {
            if (!std::exchange(*told, true)) {
                recovered();
            }
        };
        if (!attempt("looking for its supervisor", [&] { lifecycle_.recover(name, settled); })) {
            settled(); // the others do not wait for it
        }
    }
    recovered();
}

void Service::recovered() {
    if (--recovering_ == 0) {
        opening_ = loop_.defer([this] { open(); });
    }
}

/// The last part of the start. A service that cannot be reached is none.
void Service::open() {
    attempt("looking after the network of running zones", [this] { lookAfterNetwork(); });
    watchNetwork();
    try {
        bus_.requestName(api::busName);
    } catch (const std::exception&) {
        loop_.abandon(std::current_exception());
        return;
    }
    ready_();
    lifecycle_.begin();
    hostBoot_.begin();
}

/// While no service ran, somebody may have flushed the packet filter or made the bridge anew: running zones get
/// their ports and guards back. A boot whose run record was lost cannot tell which guard was its own; one without a
/// link is nobody's. A zone that is coming up just now has its guard before its link, so then it is left to the next
/// start.
void Service::lookAfterNetwork() {
    repairNetwork();
    network_.zoneEnded(); // the last one may have, while no service was there to see it
    const auto names = registry_.names();
    if (std::ranges::any_of(names, [this](const zone::ZoneName& name) {
            const Zone* zone = registry_.find(name);
            return zone != nullptr && zone->status && zone->status->pending > 0;
        })) {
        return;
    }
    network_.removeStrayGuards();
}

void Service::repairNetwork() {
    const auto names = registry_.names();
    const bool active = std::ranges::any_of(names, [this](const zone::ZoneName& name) {
        const Zone* zone = registry_.find(name);
        return zone != nullptr && zone->status && (zone::isActive(zone->status->state) || zone->status->pending > 0);
    });
    if (!active) {
        return; // the next boot makes what it needs
    }
    attempt("repairing the network of running zones", [this] { network_.repair(); });
}

/// Zones must not run unguarded because somebody reloaded the host's firewall.
void Service::watchNetwork() {
    try {
        network_.watch([this] { repairNetwork(); });
    } catch (const sys::Error& error) {
        spdlog::warn("{}; rules that others take away are put back at the next boot of a zone only", error.what());
    }
}

} // namespace zoned::daemon
