#include <unistd.h>

#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

#include "arguments.hpp"
#include "client.hpp"
#include "command.hpp"
#include "jobs.hpp"
#include "output.hpp"
#include "sys/error.hpp"
#include "terminal.hpp"

namespace zoned::ctl {

namespace {

using nlohmann::ordered_json;
using sys::join;

std::string jobText(Client& client, const ObjectPath& path) {
    if (path == "/") {
        return "";
    }
    const auto jobs = client.jobs();
    const auto found = std::find_if(jobs.begin(), jobs.end(), [&](const auto& job) { return job.path == path; });
    return found == jobs.end() ? "" : join(found->kind, " (job ", found->id, ")");
}

/// A limit of a zone that is up: in effect, or only in its definition.
struct Limit {
    std::string key;
    std::optional<std::string> value; // nothing: there is none, though the definition has one
    bool asDefined = true;
};

std::vector<Limit> limitsOf(const ZoneDetails& zone) {
    constexpr std::string_view below = "resources.";
    std::vector<std::string> differing;
    for (const std::string& key : zone.changed) {
        if (key.starts_with(below) && key != "resources.optional") { // which is no limit
            differing.push_back(key.substr(below.size()));
        }
    }
    std::vector<Limit> limits;
    for (const auto& [key, value] : zone.limits) {
        limits.push_back({key, value, std::erase(differing, key) == 0});
    }
    for (const std::string& key : differing) {
        limits.push_back({key, std::nullopt, false});
    }
    return limits;
}

std::string limitsText(const std::vector<Limit>& limits) {
    std::vector<std::string> texts;
    for (const Limit& limit : limits) {
        texts.push_back(join(limit.key, " ", limit.value.value_or("none"),
                             limit.asDefined ? "" : " (not as the definition has it)"));
    }
    return joinList(texts);
}

std::string addressesText(const ZoneDetails& zone) {
    std::vector<std::string> addresses;
    for (const auto& [interface, address] : zone.addresses) {
        addresses.push_back(join(address, " (", interface, ")"));
    }
    return joinList(addresses);
}

/// "eth0 is zv3f2a09c100 on the host"
std::string linksText(const ZoneDetails& zone) {
    std::vector<std::string> links;
    for (const auto& [interface, link] : zone.hostInterfaces) {
        links.push_back(join(interface, " is ", link, " on the host"));
    }
    return joinList(links);
}

void showText(Client& client, const ZoneDetails& zone) {
    std::string state = zone.state;
    if (zone.state == "running" && !zone.booted) {
        state += ", still starting";
    }
    const std::string since = timeText(zone.since);
    const auto number = [](std::uint32_t value) { return value == 0 ? "" : std::to_string(value); };
    print(fieldsText({{"Zone", zone.name},
                      {"Description", zone.description},
                      {"State", since.empty() ? state : join(state, " since ", since)},
                      {"Reason", zone.reason},
                      {"Maintenance", zone.maintenance},
                      {"Job", jobText(client, zone.job)},
                      {"Image", zone.image},
                      {"Addresses", addressesText(zone)},
                      {"Interfaces", linksText(zone)},
                      {"Autoboot", zone.autoboot ? "yes" : "no"},
                      {"Boot priority", number(zone.bootPriority)},
                      {"Boots after", joinList(zone.after)},
                      {"Requires", joinList(zone.needs)},
                      {"Requires of the host", joinList(zone.hostRequires)},
                      {"Restart", zone.restart},
                      {"Isolation", zone.privileged ? "privileged: not root-safe" : "user namespace"},
                      {"Host ids", zone.idBase == 0 ? "" : join(zone.idBase, " to ", zone.idBase + 65535)},
                      {"Init", zone.initKind},
                      {"Init's process", number(zone.initPid)},
                      {"Group", zone.group},
                      {"Limits", limitsText(limitsOf(zone))},
                      {"Changed since boot", joinList(zone.changed)},
                      {"Control group", zone.cgroup},
                      {"Machine id", zone.machineId}}));
    if (!zone.problem.empty()) {
        // One a line, as the reader of the definition wrote them.
        print("The definition is not valid:\n" + cleanText(zone.problem) + "\n");
    }
}

void showJson(const ZoneDetails& zone) {
    ordered_json addresses = ordered_json::array();
    for (const auto& [interface, address] : zone.addresses) {
        addresses.push_back({{"interface", interface}, {"address", address}});
    }
    ordered_json limits = ordered_json::array();
    for (const Limit& limit : limitsOf(zone)) {
        limits.push_back({{"key", limit.key},
                          {"value", limit.value ? ordered_json(*limit.value) : ordered_json(nullptr)},
                          {"as-defined", limit.asDefined}});
    }
    // null: not for us, or of a definition that cannot be used
    const auto known = [&](const auto& value) {
        return zone.restart.empty() ? ordered_json(nullptr) : ordered_json(value);
    };
    ordered_json links = ordered_json::array();
    for (const auto& [interface, link] : zone.hostInterfaces) {
        links.push_back({{"interface", interface}, {"host-interface", link}});
    }
    const ordered_json object{{"name", zone.name},
                              {"state", zone.state},
                              {"booted", zone.booted},
                              {"reason", zone.reason},
                              {"problem", zone.problem},
                              {"maintenance", zone.maintenance},
                              {"description", zone.description},
                              {"image", zone.image},
                              {"autoboot", zone.autoboot},
                              {"privileged", zone.privileged},
                              {"addresses", addresses},
                              {"host-interfaces", links},
                              {"boot-priority", known(zone.bootPriority)},
                              {"after", known(zone.after)},
                              {"requires", known(zone.needs)},
                              {"host-requires", known(zone.hostRequires)},
                              {"restart", known(zone.restart)},
                              {"init-pid", zone.initPid},
                              {"init-kind", zone.initKind},
                              {"since", zone.since},
                              {"id-base", zone.idBase},
                              {"machine-id", zone.machineId},
                              {"cgroup", zone.cgroup},
                              {"group", zone.group},
                              {"changed", zone.changed},
                              {"limits", limits},
                              {"job", zone.job == "/" ? "" : zone.job}};
    print(jsonText(object, 2));
}

} // namespace

int runShow(const Command& self, const std::vector<std::string>& arguments) {
    std::string name;
    bool json = false;
    bool definition = false;
    Arguments options("show", std::string(self.summary));
    options.flag("-j,--json", json, "As JSON");
    options.flag("-d,--definition", definition, "Print the stored definition (YAML) instead");
    options.operand("NAME", name, "The zone");
    options.examples("zonectl show web\nzonectl show --definition web > web.yaml");
    options.parse(arguments);
    if (json && definition) {
        throw UsageError("show: --json and --definition exclude each other");
    }

    Client client;
    try {
        const ObjectPath zone = client.zone(name);
        if (definition) {
            const std::string text = client.definition(zone);
            print(isTerminal(STDOUT_FILENO) ? cleanText(text) : text);
        } else if (json) {
            showJson(client.zoneDetails(zone));
        } else {
            showText(client, client.zoneDetails(zone));
        }
    } catch (const BusError& e) {
        reportFailure("show zone " + name, e.what());
        return 1;
    }
    return 0;
}

} // namespace zoned::ctl
