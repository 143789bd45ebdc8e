#include "platform/boot_spec.hpp"

#include <sys/random.h>

#include <nlohmann/json.hpp>

#include "sys/error.hpp"
#include "sys/port_name.hpp"

namespace zoned::platform {

namespace {

using Json = nlohmann::json;

Json encode(const NicSpec& nic) {
    Json json = {{"name", nic.name},
                 {"hostName", nic.hostName},
                 {"bridge", nic.bridge},
                 {"mac", nic.mac},
                 {"managed", nic.managed}};
    if (nic.address) {
        json["address"] = nic.address->address;
        json["prefix"] = nic.address->prefix;
    }
    if (nic.gateway) {
        json["gateway"] = *nic.gateway;
    }
    return json;
}

NicSpec decodeNic(const Json& json) {
    NicSpec nic;
    nic.name = json.at("name");
    nic.hostName = json.at("hostName");
    nic.bridge = json.at("bridge");
    nic.mac = json.at("mac");
    nic.managed = json.at("managed");
    if (json.contains("address")) {
        nic.address = zone::Ipv4Network{json.at("address"), json.at("prefix")};
    }
    if (json.contains("gateway")) {
        nic.gateway = json.at("gateway").get<std::uint32_t>();
    }
    return nic;
}

Json encode(const zone::Mount& mount) {
    return {{"source", mount.source}, {"target", mount.target}, {"readOnly", mount.readOnly}};
}

Json encode(const Limit& limit) {
    return {{"file", limit.file}, {"value", limit.value}};
}

template <typename Item>
Json encodeAll(const std::vector<Item>& items) {
    Json json = Json::array();
    for (const Item& item : items) {
        json.push_back(encode(item));
    }
    return json;
}

std::vector<Limit> decodeLimits(const Json& json) {
    std::vector<Limit> limits;
    for (const Json& limit : json) {
        limits.push_back({limit.at("file"), limit.at("value")});
    }
    return limits;
}

BootSpec decode(const Json& json) {
    BootSpec spec;
    spec.zone = json.at("zone");
    spec.uuid = json.at("uuid");
    spec.image = json.at("image");
    spec.layer = json.at("layer");
    spec.idBase = json.at("idBase");
    spec.privileged = json.at("privileged");
    spec.initKind = static_cast<zone::InitKind>(json.at("initKind").get<int>());
    spec.initArgv = json.at("initArgv").get<std::vector<std::string>>();
    spec.initArgs = json.at("initArgs").get<std::vector<std::string>>();
    spec.hostname = json.at("hostname");
    spec.hostnameGiven = json.value("hostnameGiven", false); // a record that was written before an upgrade has none
    spec.dns = json.at("dns").get<std::vector<std::string>>();
    spec.dnsGiven = json.value("dnsGiven", false); // nor this
    spec.environment = json.at("environment").get<std::map<std::string, std::string>>();
    for (const Json& nic : json.at("nics")) {
        spec.nics.push_back(decodeNic(nic));
    }
    spec.limits = decodeLimits(json.at("limits"));
    for (const Json& mount : json.at("mounts")) {
        spec.mounts.push_back({mount.at("source"), mount.at("target"), mount.at("readOnly")});
    }
    spec.capabilities = json.at("capabilities");
    spec.seccompProgram = json.at("seccompProgram");
    spec.nftTable = json.at("nftTable");
    spec.consoleJournal = json.value("consoleJournal", ""); // nor this
    spec.stopTimeout = json.at("stopTimeout");
    spec.ownFolders = json.value("ownFolders", std::vector<std::string>{}); // nor this
    return spec;
}

} // namespace

void giveFreshHostNames(BootSpec& spec) {
    std::uint32_t number = 0;
    sys::check(::getrandom(&number, sizeof number, 0), "choosing the names of interfaces");
    for (NicSpec& nic : spec.nics) {
        nic.hostName = sys::portName(spec.nftTable, nic.managed, number++);
    }
}

std::string toJson(const std::vector<Limit>& limits) {
    return encodeAll(limits).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<Limit> limitsFromJson(const std::string& text) {
    try {
        return decodeLimits(Json::parse(text));
    } catch (const Json::exception& error) {
        throw sys::Error(std::string("reading limits: ") + error.what(), 0);
    }
}

std::string toJson(const BootSpec& spec) {
    const Json json = {{"zone", spec.zone},
                       {"uuid", spec.uuid},
                       {"image", spec.image},
                       {"layer", spec.layer},
                       {"idBase", spec.idBase},
                       {"privileged", spec.privileged},
                       {"initKind", static_cast<int>(spec.initKind)},
                       {"initArgv", spec.initArgv},
                       {"initArgs", spec.initArgs},
                       {"hostname", spec.hostname},
                       {"hostnameGiven", spec.hostnameGiven},
                       {"dns", spec.dns},
                       {"dnsGiven", spec.dnsGiven},
                       {"environment", spec.environment},
                       {"nics", encodeAll(spec.nics)},
                       {"limits", encodeAll(spec.limits)},
                       {"mounts", encodeAll(spec.mounts)},
                       {"capabilities", spec.capabilities},
                       {"seccompProgram", spec.seccompProgram},
                       {"nftTable", spec.nftTable},
                       {"consoleJournal", spec.consoleJournal},
                       {"stopTimeout", spec.stopTimeout},
                       {"ownFolders", spec.ownFolders}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

BootSpec bootSpecFromJson(const std::string& text) {
    try {
        return decode(Json::parse(text));
    } catch (const Json::exception& error) {
        throw sys::Error(std::string("reading a boot spec: ") + error.what(), 0);
    }
}

} // namespace zoned::platform
