#include "sys/nft_table.hpp"

#include <arpa/inet.h>
#include <nftables/libnftables.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>

#include "sys/digest.hpp"
#include "sys/error.hpp"
#include "sys/port_name.hpp"

// How the guard works
//
// A port whose name says that it is guarded (port_name.hpp) sends only what one
// rule lets pass. It fails closed: such a port without elements of its own in the
// sets sends nothing, whether it is about to be made or to go. Ports with other
// names are the administrator's own and are let alone, but for those that `ports`
// names: of zones that an earlier version booted.
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
// Frames to the addresses that 802.1D reserves for bridges, 01:80:c2:00:00:00 to
// :0f, never come here from a port as the kernel makes it: br_handle_frame() takes
// them before this hook, learns their source, and hands them to the port's own
// network stack. So each port of ours has them forwarded as all others
// (netlink.cpp, group_fwd_mask), which leads them here, where they are dropped, of
// open ports too: a zone is no bridge. Should the port have lost that flag, its own
// stack still lets nothing in (`prerouting` of the table inet).
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
constexpr const char* openedSet = "opened";
constexpr const char* throughSet = "through";
constexpr const char* newConnectionsSet = "new_connections";
constexpr const char* connectionsSet = "connections";
constexpr const char* portlessSet = "portless_connections";

// priorities of chains: the lower one sees a packet first
constexpr int beforeAll = -300; // before br_netfilter shows a frame to the ip tables
constexpr int afterTracking = -150;
constexpr int filterPriority = 0;
constexpr int sourceNatPriority = 100;

struct FreeContext {
    void operator()(nft_ctx* context) const noexcept { nft_ctx_free(context); }
};

/// Runs the text of one transaction, JSON or nft's own language, and returns what nft printed.
std::string runText(const std::string& text, const std::string& action) {
    const std::unique_ptr<nft_ctx, FreeContext> context(nft_ctx_new(NFT_CTX_DEFAULT));
    if (!context) {
        throw Error(join(action, ": no nftables context"), 0);
    }
    // terse: without the elements of sets, which a thousand zones have thousands of
    nft_ctx_output_set_flags(context.get(), NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_NUMERIC_PROTO | NFT_CTX_OUTPUT_TERSE);
    if (nft_ctx_buffer_output(context.get()) != 0 || nft_ctx_buffer_error(context.get()) != 0) {
        throw Error(join(action, ": no memory for nftables"), ENOMEM);
    }
    if (nft_run_cmd_from_buffer(context.get(), text.c_str()) != 0) {
        std::string reason = nft_ctx_get_error_buffer(context.get());
        if (const std::size_t start = reason.find("Error: "); start != std::string::npos) {
            reason.erase(0, start + std::string_view("Error: ").size());
        }
        reason.resize(std::min(reason.size(), reason.find('\n')));
        throw Error(join(action, ": ", reason), 0);
    }
    return nft_ctx_get_output_buffer(context.get());
}

/// Runs one list of commands, a transaction.
Json run(const Json& commands, const std::string& action) {
    const std::string output = runText(Json{{"nftables", commands}}.dump(), action);
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
    void baseChain(const char* family, const char* name, const char* hook, const char* type, int priority) {
        objects_.push_back({{"add",
                             {{"chain",
                               {{"family", family},
                                {"table", table_},
                                {"name", name},
                                {"type", type},
                                {"hook", hook},
                                {"prio", priority},
                                {"policy", "accept"}}}}}});
    }
    void rule(const char* family, const char* chain, Json expression) {
        rules_.push_back({{"family", family}, {"table", table_}, {"chain", chain}, {"expr", std::move(expression)}});
    }

    /// The comments that the rules bear, in order.
    [[nodiscard]] std::vector<std::string> comments() const {
        const std::uint64_t digest = fnv1a(Json{objects_, rules_}.dump()); // tells versions apart
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

void addGuardRules(Ruleset& rules, const std::string& tableName) {
    constexpr const char* family = "bridge";
    rules.table(family);
    rules.set(family, portsSet, "ifname");
    rules.set(family, addressesSet, {"ifname", "ether_addr", "ipv4_addr"});
    rules.chain(family, "guard");
    rules.baseChain(family, "prerouting", "prerouting", "filter", beforeAll);

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
    // the block that the reserved ones are in: nft compares four bytes faster than five and a half, and an ordinary host
    // has to do with none of the block
    rules.rule(family, "prerouting",
               {match("==", field("ether", "daddr"), {{"prefix", {{"addr", "01:80:c2:00:00:00"}, {"len", 32}}}}),
                match("==", meta("iifname"), portPrefix(tableName) + '*'), counter(), drop()});
    rules.rule(family, "prerouting",
               {match("==", field("ether", "type"), "ip"), match("!=", meta("l4proto"), "udp"), ownAddress, accept()});
    const Json toGuard = {{"jump", {{"target", "guard"}}}};
    rules.rule(family, "prerouting", {match("==", meta("iifname"), guardedPrefix(tableName) + '*'), toGuard});
    rules.rule(family, "prerouting", {match("==", meta("iifname"), inSet(portsSet)), toGuard});
}

Json subnetOf(const NftNetwork& network) {
    const in_addr address{htonl(network.subnetAddress)};
    std::array<char, INET_ADDRSTRLEN> text{};
    inet_ntop(AF_INET, &address, text.data(), text.size());
    return network.prefix == 32 ? Json(text.data())
                                : Json{{"prefix", {{"addr", text.data()}, {"len", network.prefix}}}};
}

/// No zone fills the table of connections, which the host and all zones share.
///
/// For each new connection `ct count` looks at all that it counts (nf_conncount.c): with 16,384 of them a new one takes
/// 0.7 ms of the processor. So an address has 256 counts, told apart by the last byte of the source port, or where there
/// are no ports, of the destination address. And some kernels forget those that were dropped at a certain rate only, so
/// that what is counted would grow under a flood; therefore the rate of new ones is bounded as well, and first.
void addConnectionRules(Ruleset& rules, const NftNetwork& network) {
    constexpr const char* family = "inet";
    constexpr std::uint32_t counts = 256;
    constexpr int sourcePortEnd = 8;           // bits
    constexpr int destinationAddressEnd = 152; // bits
    const auto portion = [&network](std::uint32_t divisor) { return std::max(network.connections / divisor, 1U); };
    const auto byteAt = [](const char* base, int offset) {
        return Json{{"payload", {{"base", base}, {"offset", offset}, {"len", 8}}}};
    };
    const Json source = field("ip", "saddr");
    const auto rule = [&](Json more, const char* set, Json key, Json bound) {
        Json expression = Json::array({match("==", source, subnetOf(network))});
        for (Json& each : more) {
            expression.push_back(std::move(each));
        }
        expression.push_back({{"set",
                               {{"op", "add"},
                                {"elem", std::move(key)},
                                {"set", inSet(set)},
                                {"stmt", Json::array({std::move(bound)})}}}});
        expression.push_back(counter());
        expression.push_back(drop());
        rules.rule(family, "connections", std::move(expression));
    };
    rules.chain(family, "connections");
    // A connection is new until it was confirmed; `ct state new` is each packet that nobody has answered. Asked first: it
    // is no for most packets, and costs less than a name.
    rules.rule(family, "prerouting",
               {match("==", {{"&", Json::array({{{"ct", {{"key", "status"}}}}, "confirmed"})}}, 0),
                match("==", meta("iifname"), network.bridge),
                {{"jump", {{"target", "connections"}}}}});
    rule(Json::array(), newConnectionsSet, source,
         {{"limit", {{"rate", portion(16)}, {"per", "second"}, {"burst", portion(4)}, {"inv", true}}}});
    const Json ports = {{"set", {"tcp", "udp"}}};
    const Json count = {{"ct count", {{"val", portion(counts)}, {"inv", true}}}};
    rule(Json::array({match("==", meta("l4proto"), ports)}), connectionsSet,
         {{"concat", Json::array({source, byteAt("th", sourcePortEnd)})}}, count);
    rule(Json::array({match("!=", meta("l4proto"), ports)}), portlessSet,
         {{"concat", Json::array({source, byteAt("nh", destinationAddressEnd)})}}, count);
}

/// Nothing leaves the managed network but its own addresses, whether or not they are masqueraded.
void addRoutingRules(Ruleset& rules, const NftNetwork& network) {
    constexpr const char* family = "inet";
    const Json subnet = subnetOf(network);
    const Json source = field("ip", "saddr");
    // bridge-nf-call-iptables shows these chains the frames between two ports as well: both names are the bridge's
    const Json fromBridge = match("==", meta("iifname"), network.bridge);
    const Json outOfBridge = match("!=", meta("oifname"), network.bridge);

    rules.table(family);
    rules.set(family, openedSet, "ifname");
    rules.set(family, throughSet, {"ifname", "ifname"});
    rules.baseChain(family, "prerouting", "prerouting", "filter", afterTracking);
    rules.baseChain(family, "forward", "forward", "filter", filterPriority);
    rules.baseChain(family, "postrouting", "postrouting", "nat", sourceNatPriority);
    // what a bridge takes in bears the bridge's name
    rules.rule(family, "prerouting",
               {match("==", meta("iifname"), portPrefix(network.tableName) + '*'), counter(), drop()});
    rules.rule(family, "forward", {fromBridge, outOfBridge, match("!=", source, subnet), counter(), drop()});
    rules.rule(family, "forward", {fromBridge, outOfBridge, match("==", meta("nfproto"), "ipv6"), counter(), drop()});
    // IPv4 alone was opened; and where such a link is a bridge, what goes from port to port of it bears its name twice
    rules.rule(family, "forward",
               {match("==", meta("nfproto"), "ipv4"), match("==", meta("iifname"), inSet(openedSet)), outOfBridge,
                match("!=", {{"concat", Json::array({meta("iifname"), meta("oifname")})}}, inSet(throughSet)),
                counter(), drop()});
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

Json listTable(const std::string& family, const std::string& tableName) {
    return run({{{"list", {{"table", {{"family", family}, {"name", tableName}}}}}}},
               join("listing the nft table ", family, " ", tableName));
}

/// The comments of all rules that the kernel holds in both tables, sorted; empty for a rule without one.
std::vector<std::string> presentComments(const std::string& tableName) {
    std::vector<std::string> comments;
    for (const std::string& family : familiesOf(tableName)) {
        if (family != "bridge" && family != "inet") {
            continue; // somebody else's table of the same name
        }
        for (const Json& object : listTable(family, tableName)) {
            if (const auto rule = object.find("rule"); rule != object.end()) {
                comments.push_back(rule->value("comment", ""));
            }
        }
    }
    std::sort(comments.begin(), comments.end());
    return comments;
}

/// The sets that rules fill by themselves. JSON has no word for `dynamic`, nor for a part of a packet that has no name.
void declareFilledSets(const std::string& tableName, const std::string& action) {
    const std::string table = "inet " + tableName;
    const std::string set = "add set " + table + " ";
    const std::string counts = " { typeof ip saddr . @th,8,8; size 1048576; flags dynamic; }\n";
    (void)runText(join("add table ", table, "\n", //
                       set, newConnectionsSet, " { type ipv4_addr; size 65536; flags dynamic; }\n", set, connectionsSet,
                       counts, set, portlessSet, counts),
                  action);
}

} // namespace

bool ensureNetworkTables(const NftNetwork& network) {
    const std::string action = join("setting up the nft tables ", network.tableName);
    if (network.prefix < 1 || network.prefix > 32) {
        throw Error(join(action, " for a subnet with the prefix ", network.prefix), EINVAL);
    }
    Ruleset rules(network.tableName);
    addGuardRules(rules, network.tableName);
    addRoutingRules(rules, network);
    addConnectionRules(rules, network);
    std::vector<std::string> wanted = rules.comments();
    std::sort(wanted.begin(), wanted.end());
    if (presentComments(network.tableName) == wanted) {
        return false;
    }
    declareFilledSets(network.tableName, action);
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

} // namespace zoned::sys
