// What every object on the bus needs: the domain behind it, and who asks.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accounts.hpp"
#include "api/bus_compat.hpp"
#include "api/object_path.hpp"
#include "authorizer.hpp"
#include "callers.hpp"
#include "error_reply.hpp"
#include "host_boot.hpp"
#include "image_jobs.hpp"
#include "installer.hpp"
#include "jobs.hpp"
#include "lifecycle.hpp"
#include "lookups.hpp"
#include "pending.hpp"
#include "registry.hpp"
#include "statistics.hpp"
#include "turnstile.hpp"

namespace zoned::daemon {

/// The domain functions that the bus offers.
struct Domain {
    const Host& host;
    Registry& registry;
    Jobs& jobs;
    Lifecycle& lifecycle;
    Installer& installer;
    ImageJobs& imageJobs;
    HostBoot& hostBoot;
    const Authorizer& authorizer;
    Statistics& statistics;
    Callers& callers;
    Turnstile& turnstile;
    Lookups& lookups;
    Accounts& accounts;
};

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

/// What a call wants: its words in complaints ("Boot of zone web"), the right it needs, and over what.
struct Request {
    std::string text;
    Verb verb;
    Target target;
    std::vector<Verb> also{}; // rights that it needs besides
};

using SettingStructs = std::vector<sdbus::Struct<std::string, std::string>>;

/// The key=value pairs of a call that changes a definition. What anybody may send is bounded before anything is made of
/// it, the more so since the right to define a zone depends on what it would be: at most 256 pairs of 64 KiB together.
/// Throws Fault invalidArgument.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> settingsFrom(const SettingStructs& settings);

/// For a name that a caller made up; the service as a whole where it cannot be a name.
[[nodiscard]] Target targetOf(const std::string& kind, const std::string& name);

/// Target::because of a definition with keys that reserve it to those who are trusted with the host; "" for none.
[[nodiscard]] std::string sinceItHas(const std::vector<std::string>& keys);

/// The sender of the message that `object` is handling.
[[nodiscard]] Caller callerOf(const Domain& domain, sdbus::IObject& object);

/// The administrators that a definition names. Those of a text that cannot be read are none.
[[nodiscard]] std::vector<zone::Admin> adminsIn(const std::string& text);

/// Asks the policy function, with the administrators that the zone has now, for one right after the other, up to the
/// first that is not given. Throws Fault noSuchZone where the target is a zone that is gone.
void decide(const Domain& domain, const Caller& caller, const Request& request,
            const std::function<void(const Decision&)>& then);

/// Every call that is not public goes through here. Runs `body(caller, pending)`, which answers, once the sender may
/// do what the request says, and answers with an error where it may not. The object may be gone by then, and all may
/// be otherwise: the body owns what it needs, and looks everything up anew.
template <typename... Values, typename Body>
void authorisedLater(const Domain& domain, sdbus::IObject& object, sdbus::Result<Values...>&& result, Request request,
                     Body body) {
    const Pending<Values...> pending(std::move(result), request.text, domain.turnstile.ticket());
    pending.attempt([&] {
        const Caller caller = callerOf(domain, object);
        decide(domain, caller, request,
               [&turnstile = domain.turnstile, pending, caller, body = std::move(body)](const Decision& decision) {
                   pending.attempt([&] {
                       if (!decision.allowed) {
                           throw zone::Fault(zone::FaultKind::notPermitted, decision.why);
                       }
                       turnstile.allowed();
                       body(caller, pending);
                   });
               });
    });
}

/// As authorisedLater, for a body that returns the answer.
template <typename... Values, typename Body>
void authorised(const Domain& domain, sdbus::IObject& object, sdbus::Result<Values...>&& result, Request request,
                Body body) {
    authorisedLater(domain, object, std::move(result), std::move(request),
                    [body = std::move(body)](const Caller&, const auto& pending) { pending.fulfil(body); });
}

/// As authorised, for a body that starts a job and returns its number.
template <typename Body>
void authorisedJob(const Domain& domain, sdbus::IObject& object, sdbus::Result<sdbus::ObjectPath>&& result,
                   Request request, Body body) {
    const Verb verb = request.verb;
    authorisedLater(domain, object, std::move(result), std::move(request),
                    [domain, verb, body = std::move(body)](const Caller& caller, const auto& pending) {
                        pending.fulfil([&] {
                            const std::uint32_t id = body();
                            domain.jobs.setStarter(id, {caller.uid, verb});
                            return jobObject(id);
                        });
                    });
}

} // namespace zoned::daemon
