#include "platform/protocol.hpp"

#include <nlohmann/json.hpp>

#include "sys/error.hpp"

namespace zoned::platform {

namespace {

using Json = nlohmann::json;

} // namespace

bool isOrderlyEnd(std::string_view reason) noexcept {
    return reason == haltedReason || reason == shutDownReason || reason == poweredOffReason;
}

std::string toJson(const Status& status) {
    const Json json = {{"type", "status"},
                       {"state", std::string(zone::stateName(status.state))},
                       {"booted", status.booted},
                       {"initPid", status.initPid},
                       {"initKind", status.initKind},
                       {"since", status.since},
                       {"boots", status.boots},
                       {"step", status.step},
                       {"reason", status.reason},
                       {"asked", status.asked},
                       {"killed", status.killed},
                       {"failure", status.failure},
                       {"requests", status.requests},
                       {"pending", status.pending},
                       {"cgroup", status.cgroup},
                       {"unasked", status.unasked}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Status statusFromJson(const Json& json) {
    try {
        Status status;
        const auto state = zone::parseState(json.at("state").get<std::string>());
        if (!state) {
            throw sys::Error("reading a supervisor's status: unknown state", 0);
        }
        status.state = *state;
        status.booted = json.at("booted");
        status.initPid = json.at("initPid");
        status.initKind = json.at("initKind");
        status.since = json.at("since");
        status.boots = json.at("boots");
        status.step = json.at("step");
        status.reason = json.at("reason");
        // a supervisor that was started before an upgrade of the service may not know it
        status.asked = json.value("asked", false);
        status.killed = json.value("killed", false);
        status.failure = json.at("failure");
        status.requests = json.at("requests");
        status.pending = json.at("pending");
        status.cgroup = json.at("cgroup");
        status.unasked = json.value("unasked", false); // as above
        return status;
    } catch (const Json::exception& error) {
        throw sys::Error(std::string("reading a supervisor's status: ") + error.what(), 0);
    }
}

Status statusFromJson(const std::string& text) {
    // what is no JSON has no state either
    return statusFromJson(Json::parse(text, nullptr, false));
}

} // namespace zoned::platform
