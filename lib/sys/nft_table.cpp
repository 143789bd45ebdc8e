#include "sys/nft_table.hpp"

#include <arpa/inet.h>
#include <nftables/libnftables.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>

#include "sys/error.hpp"

// How the guard works
//
// Only a port named in `ports` is guarded, so the administrator's own ports of
// the bridge are let alone. What a guarded port sends is dropped unless one
// rule lets it pass:
//
//   IPv4  port, source MAC and source address stand together in `port_ipv4`;
//         and it is no answer of a DHCP server
//         (what is no UDP is asked for that first of all: most frames
//         pass by one look into one set)
//   ARP   the same for the frame's source MAC with the sender address, and
//         for the MAC inside the message, which is what neighbours learn
//
// All else is dropped: BPDUs (they carry a length instead of a type), VLAN
// tags (nft reads 0x8100 there, also where the card has taken the tag off),
// unknown types, and IPv6. A managed network has no IPv6 addresses; letting
// only link-local ones through would still let a zone take over a neighbour's,
// since nft 1.0.6 cannot compare the target of a neighbour advertisement with
// a set (`icmpv6 taddr` is younger).
//
// Every rule carries a comment with a digest of the whole wanted rule set and
// its own number, which tells a later start whether the kernel holds exactly
// these rules. Rules are replaced by flushing the tables, which leaves sets
// alone: guards stay, without a moment in which a port is unguarded. So a set
// never changes its type; another type needs another name.

namespace zoned::sys {

namespace {

using Json = nlohmann::json;

constexpr const char* portsSet = "ports";
constexpr const char* addressesSet = "port_ipv4"; // nft_elements.cpp writes into both

struct FreeContext {
    void operator()(nft_ctx* context) const noexcept { nft_ctx_free(context); }
};

/// Runs one list of commands, a transaction, and returns what nft printed.
Json run(const Json& commands, const std::string& action, bool withElements = false) {
    const std::unique_ptr<nft_ctx, FreeContext> context(nft_ctx_new(NFT_CTX_DEFAULT));
    if (!context) {
        throw Error(join(action, ": no nftables context"), 0);
    }
    nft_ctx_output_set_flags(context.get(), NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_NUMERIC_PROTO |
                                                (withElements ? 0U : static_cast<unsigned int>(NFT_CTX_OUTPUT_TERSE)));
    if (nft_ctx_buffer_output(context.get()) != 0 || nft_ctx_buffer_error(context.get()) != 0) {
        throw Error(join(action, ": no memory for nftables"), ENOMEM);
    }
    const std::string text = Json{{"nftables", commands}}.dump();
    if (nft_run_cmd_from_buffer(context.get(), text.c_str()) != 0) {
        std::string reason = nft_ctx_get_error_buffer(context.get());
        if (const std::size_t start = reason.find("Error: "); start != std::string::npos) {
            reason.erase(0, start + std::string_view("Error: ").size());
        }
        reason.resize(std::min(reason.size(), reason.find('\n')));
        throw Error(join(action, ": ", reason), 0);
    }
    const std::string output = nft_ctx_get_output_buffer(context.get());
    if (output.empty()) {
        return Json::array();
    }
    try {
        return Json::parse(output).at("nftables");
    } catch (const Json::exception& fault) {
        throw Error(join(action, ": reading nft's answer: ", fault.what()), 0);
    }
}

Json meta(const char* key) {
    return {{"meta", {{"key", key}}}};
}

Json field(const char* protocol, const char* name) {
    return {{"payload", {{"protocol", protocol}, {"field", name}}}};
}

Json match(const char* comparison, Json left, Json right) {
    return {{"match", {{"op", comparison}, {"left", std::move(left)}, {"right", std::move(right)}}}};
}

Json concatenation(Json first, Json second, Json third) {
    return {{"concat", Json::array({std::move(first), std::move(second), std::move(third)})}};
}

Json drop() {
    return {{"drop", nullptr}};
}
Json accept() {
    return {{"accept", nullptr}};
}
Json counter() {
    return {{"counter", {{"packets", 0}, {"bytes", 0}}}};
}

std::string inSet(const char* set) {
    return std::string("@") + set;
}

/// Collects the commands of one transaction and the digest of its rules.
class Ruleset {
public:
    explicit Ruleset(std::string table) : table_(std::move(table)) {}

    void table(const char* family) {
        objects_.push_back({{"add", {{"table", {{"family", family}, {"name", table_}}}}}});
    }
    void set(const char* family, const char* name, Json type) {
        objects_.push_back(
            {{"add", {{"set", {{"family", family}, {"table", table_}, {"name", name}, {"type", std::move(type)}}}}}});
    }
    void chain(const char* family, const char* name) {
        objects_.push_back({{"add", {{"chain", {{"family", family}, {"table", table_}, {"name", name}}}}}});
    }
    void baseChain(const char* family, const char* name, const char* type, int priority) {
        objects_.push_back({{"add",
                             {{"chain",
                               {{"family", family},
                                {"table", table_},
                                {"name", name},
                                {"type", type},
                                {"hook", name},
                                {"prio", priority},
                                {"policy", "accept"}}}}}});
    }
    void rule(const char* family, const char* chain, Json expression) {
        rules_.push_back({{"family", family}, {"table", table_}, {"chain", chain}, {"expr", std::move(expression)}});
    }

    /// The comments that the rules bear, in order.
    [[nodiscard]] std::vector<std::string> comments() const {
        std::uint64_t digest = 0xcbf29ce484222325U; // FNV-1a: tells versions apart, resists nobody
        for (const char letter : Json{objects_, rules_}.dump()) {
            digest = (digest ^ static_cast<unsigned char>(letter)) * 0x100000001b3U;
        }
        std::vector<std::string> comments;
        for (std::size_t number = 0; number < rules_.size(); ++number) {
            comments.push_back(join("zoned ", digest, " ", number));
        }
        return comments;
    }

    /// Objects that exist already stay as they are; rules are replaced.
    [[nodiscard]] Json commands() const {
        Json commands = objects_;
        for (const char* family : {"bridge", "inet"}) {
            commands.push_back({{"flush", {{"table", {{"family", family}, {"name", table_}}}}}});
        }
        const std::vector<std::string> names = comments();
        for (std::size_t number = 0; number < rules_.size(); ++number) {
            Json rule = rules_[number];
            rule["comment"] = names[number];
            commands.push_back({{"add", {{"rule", std::move(rule)}}}});
        }
        return commands;
    }

private:
    std::string table_;
    Json objects_ = Json::array();
    Json rules_ = Json::array();
};

void addGuardRules(Ruleset& rules) {
    constexpr const char* family = "bridge";
    constexpr int beforeAll = -300; // before br_netfilter shows the frame to the ip tables, at 0
    rules.table(family);
    rules.set(family, portsSet, "ifname");
    rules.set(family, addressesSet, {"ifname", "ether_addr", "ipv4_addr"});
    rules.chain(family, "guard");
    rules.baseChain(family, "prerouting", "filter", beforeAll);

    rules.rule(family, "guard",
               {match("==", field("ether", "type"), "ip"), match("==", field("udp", "sport"), 67), counter(), drop()});
    const Json ownAddress =
        match("==", concatenation(meta("iifname"), field("ether", "saddr"), field("ip", "saddr")), inSet(addressesSet));
    rules.rule(family, "guard", {match("==", field("ether", "type"), "ip"), ownAddress, accept()});
    rules.rule(family, "guard",
               {match("==", field("ether", "type"), "arp"), match("==", field("arp", "htype"), 1),
                match("==", field("arp", "ptype"), "ip"), match("==", field("arp", "hlen"), 6),
                match("==", field("arp", "plen"), 4),
                match("==", concatenation(meta("iifname"), field("ether", "saddr"), field("arp", "saddr ip")),
                      inSet(addressesSet)),
                match("==", concatenation(meta("iifname"), field("arp", "saddr ether"), field("arp", "saddr ip")),
                      inSet(addressesSet)),
                accept()});
    rules.rule(family, "guard", {counter(), drop()});
    rules.rule(family, "prerouting",
               {match("==", field("ether", "type"), "ip"), match("!=", meta("l4proto"), "udp"), ownAddress, accept()});
    rules.rule(family, "prerouting",
               {match("==", meta("iifname"), inSet(portsSet)), {{"jump", {{"target", "guard"}}}}});
}

/// Nothing leaves the managed network but its own addresses, whether or not they are masqueraded.
void addRoutingRules(Ruleset& rules, const NftNetwork& network) {
    constexpr const char* family = "inet";
    constexpr int filterPriority = 0;
    constexpr int sourceNatPriority = 100;
    const in_addr address{htonl(network.subnetAddress)};
    std::array<char, INET_ADDRSTRLEN> text{};
    inet_ntop(AF_INET, &address, text.data(), text.size());
    const Json subnet =
        network.prefix == 32 ? Json(text.data()) : Json{{"prefix", {{"addr", text.data()}, {"len", network.prefix}}}};
    const Json source = field("ip", "saddr");
    // bridge-nf-call-iptables shows these chains the frames between two ports as well: both names are the bridge's
    const Json fromBridge = match("==", meta("iifname"), network.bridge);
    const Json outOfBridge = match("!=", meta("oifname"), network.bridge);

    rules.table(family);
    rules.baseChain(family, "forward", "filter", filterPriority);
    rules.baseChain(family, "postrouting", "nat", sourceNatPriority);
    rules.rule(family, "forward", {fromBridge, outOfBridge, match("!=", source, subnet), counter(), drop()});
    rules.rule(family, "forward", {fromBridge, outOfBridge, match("==", meta("nfproto"), "ipv6"), counter(), drop()});
    if (network.masquerade) {
        rules.rule(family, "postrouting", {match("==", source, subnet), outOfBridge, {{"masquerade", nullptr}}});
    }
}

std::vector<std::string> familiesOf(const std::string& tableName) {
    const Json tables = run({{{"list", {{"tables", nullptr}}}}}, "listing the nft tables");
    std::vector<std::string> families;
    for (const Json& object : tables) {
        const auto table = object.find("table");
        if (table != object.end() && table->value("name", "") == tableName) {
            families.push_back(table->value("family", ""));
        }
    }
    return families;
}

Json listTable(const std::string& family, const std::string& tableName, bool withElements) {
    return run({{{"list", {{"table", {{"family", family}, {"name", tableName}}}}}}},
               join("listing the nft table ", family, " ", tableName), withElements);
}

/// The comments of all rules that the kernel holds in both tables, sorted; empty for a rule without one.
std::vector<std::string> presentComments(const std::string& tableName) {
    std::vector<std::string> comments;
    for (const std::string& family : familiesOf(tableName)) {
        if (family != "bridge" && family != "inet") {
            continue; // somebody else's table of the same name
        }
        for (const Json& object : listTable(family, tableName, false)) {
            if (const auto rule = object.find("rule"); rule != object.end()) {
                comments.push_back(rule->value("comment", ""));
            }
        }
    }
    std::sort(comments.begin(), comments.end());
    return comments;
}

/// An element is its value, or a wrapper around it where it has a comment or the like.
const Json& valueOf(const Json& element) {
    const auto wrapper = element.is_object() ? element.find("elem") : element.end();
    return wrapper == element.end() ? element : wrapper->at("val");
}

} // namespace

bool ensureNetworkTables(const NftNetwork& network) {
    const std::string action = join("setting up the nft tables ", network.tableName);
    if (network.prefix < 1 || network.prefix > 32) {
        throw Error(join(action, " for a subnet with the prefix ", network.prefix), EINVAL);
    }
    Ruleset rules(network.tableName);
    addGuardRules(rules);
    addRoutingRules(rules, network);
    std::vector<std::string> wanted = rules.comments();
    std::sort(wanted.begin(), wanted.end());
    if (presentComments(network.tableName) == wanted) {
        return false;
    }
    run(rules.commands(), action);
    return true;
}

void removeTables(const std::string& tableName) {
    Json commands = Json::array();
    for (const char* family : {"bridge", "inet"}) {
        // Adding it first is how nft deletes what may be absent: "destroy" is younger than Linux 6.1.
        const Json table = {{"table", {{"family", family}, {"name", tableName}}}};
        commands.push_back({{"add", table}});
        commands.push_back({{"delete", table}});
    }
    run(commands, join("removing the nft tables ", tableName));
}

void removeStrayGuards(const std::string& tableName, const std::function<bool(const std::string&)>& stray) {
    const std::vector<std::string> families = familiesOf(tableName);
    if (std::find(families.begin(), families.end(), "bridge") == families.end()) {
        return;
    }
    Json commands = Json::array();
    for (const Json& object : listTable("bridge", tableName, true)) {
        const auto set = object.find("set");
        if (set == object.end()) {
            continue;
        }
        Json gone = Json::array();
        for (const Json& element : set->value("elem", Json::array())) {
            const Json& value = valueOf(element);
            const Json& ifName = value.is_object() ? value.at("concat").at(0) : value;
            if (stray(ifName.get<std::string>())) {
                gone.push_back(value);
            }
        }
        if (!gone.empty()) {
            const Json which = {
                {"family", "bridge"}, {"table", tableName}, {"name", set->at("name")}, {"elem", std::move(gone)}};
            commands.push_back({{"delete", {{"element", which}}}});
        }
    }
    if (!commands.empty()) {
        (void)run(commands, join("removing stray guards from the nft table ", tableName));
    }
}

std::vector<std::string> guardedInterfaces(const std::string& tableName) {
    const std::vector<std::string> families = familiesOf(tableName);
    std::vector<std::string> names;
    if (std::find(families.begin(), families.end(), "bridge") == families.end()) {
        return names;
    }
    for (const Json& object : listTable("bridge", tableName, true)) {
        const auto set = object.find("set");
        if (set == object.end() || set->value("name", "") != portsSet) {
            continue;
        }
        for (const Json& element : set->value("elem", Json::array())) {
            names.push_back(valueOf(element).get<std::string>());
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace zoned::sys
