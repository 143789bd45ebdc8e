#include "callers.hpp"

#include <spdlog/spdlog.h>

namespace zoned::daemon {
namespace {

// The bus itself has some two thousand connections at most.
constexpr std::size_t maxKnown = 4096;

} // namespace

Callers::Credentials Callers::of(const std::string& name) {
    if (const auto found = known_.find(name); found != known_.end()) {
        return found->second;
    }
    const Credentials credentials = ask(name);
    if (credentials.uid != static_cast<uid_t>(-1)) {
        if (known_.size() >= maxKnown) {
            known_.clear();
        }
        known_[name] = credentials;
    }
    return credentials;
}

Callers::Credentials Callers::ask(const std::string& name) {
    Credentials credentials;
    try {
        const auto daemon = sdbus::createProxy(*questions_, api::serviceName("org.freedesktop.DBus"),
                                               sdbus::ObjectPath("/org/freedesktop/DBus"));
        std::map<std::string, sdbus::Variant> told;
        daemon->callMethod("GetConnectionCredentials")
            .onInterface("org.freedesktop.DBus")
            .withArguments(name)
            .storeResultsTo(told);
        if (const auto uid = told.find("UnixUserID"); uid != told.end()) {
            credentials.uid = uid->second.get<std::uint32_t>();
        }
        if (const auto groups = told.find("UnixGroupIDs"); groups != told.end()) {
            credentials.groups = groups->second.get<std::vector<gid_t>>();
        }
    } catch (const sdbus::Error& error) {
        spdlog::debug("who {} is: {}", name, std::string(error.getMessage()));
    }
    return credentials;
}

} // namespace zoned::daemon
