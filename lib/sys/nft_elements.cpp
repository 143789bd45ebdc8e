#include "sys/nft_elements.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "sys/error.hpp"
#include "sys/netlink.hpp"
#include "sys/netlink_message.hpp"
#include "sys/port_name.hpp"

namespace zoned::sys {

namespace {

/// The key of an element of a concatenated set: each field is padded to whole 32-bit registers.
class Key {
public:
    Key& add(const void* data, std::size_t size) {
        bytes_.append(static_cast<const char*>(data), size);
        bytes_.resize((bytes_.size() + 3) / 4 * 4, '\0');
        return *this;
    }
    /// An ifname fills IFNAMSIZ bytes.
    Key& addName(const std::string& name) {
        std::string field = name;
        field.resize(maximalLinkName + 1, '\0');
        return add(field.data(), field.size());
    }
    [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

private:
    std::string bytes_;
};

constexpr const char* portsSet = "ports";
constexpr const char* addressesSet = "port_ipv4";
constexpr const char* openedSet = "opened";   // of the table inet
constexpr const char* throughSet = "through"; // of the table inet

/// Elements by the set they are in; the sets are those of nft_table.cpp.
using Elements = std::map<std::string, std::vector<std::string>>;

void addElements(const std::string& table, const GuardedPort& port, Elements& elements) {
    if (port.ifName.empty() || port.ifName.size() > maximalLinkName) {
        throw Error(join("guarding the port \"", port.ifName, "\""), EINVAL);
    }
    const MacAddress mac = parseMac(port.mac);
    // the name says it; a zone that an earlier version booted has none of these
    if (!port.ifName.starts_with(guardedPrefix(table))) {
        elements[portsSet].push_back(Key().addName(port.ifName).bytes());
    }
    if (port.ipv4) {
        const std::uint32_t ip4 = htonl(*port.ipv4);
        elements[addressesSet].push_back(
            Key().addName(port.ifName).add(mac.data(), mac.size()).add(&ip4, sizeof ip4).bytes());
    }
}

NetlinkMessage envelope(std::uint16_t type) {
    NetlinkMessage message(type, 0);
    nfgenmsg header{};
    header.nfgen_family = AF_UNSPEC;
    header.version = NFNETLINK_V0;
    header.res_id = htons(NFNL_SUBSYS_NFTABLES);
    message.header(header);
    return message;
}

NetlinkMessage setMessage(std::uint16_t type, std::uint16_t flags, const std::string& table, const std::string& set,
                          std::size_t elements) {
    const bool inet = set == openedSet || set == throughSet;
    constexpr std::size_t headers = 512;
    constexpr std::size_t ofOne = 64; // a key of three fields in its attributes
    NetlinkMessage message(static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | type), flags,
                           headers + elements * ofOne);
    nfgenmsg header{};
    header.nfgen_family = inet ? NFPROTO_INET : NFPROTO_BRIDGE;
    header.version = NFNETLINK_V0;
    message.header(header);
    message.putText(NFTA_SET_ELEM_LIST_TABLE, table);
    message.putText(NFTA_SET_ELEM_LIST_SET, set);
    return message;
}

NetlinkMessage elementsMessage(std::uint16_t type, std::uint16_t flags, const std::string& table,
                               const std::string& set, std::span<const std::string> keys) {
    NetlinkMessage message = setMessage(type, static_cast<std::uint16_t>(flags | NLM_F_ACK), table, set, keys.size());
    message.nest(NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED, [&] {
        for (const std::string& key : keys) {
            message.nest(NFTA_LIST_ELEM | NLA_F_NESTED, [&] {
                message.nest(NFTA_SET_ELEM_KEY | NLA_F_NESTED,
                             [&] { message.put(NFTA_DATA_VALUE, key.data(), key.size()); });
            });
        }
    });
    return message;
}

/// Carries the messages out, all or none. Returns errno of the first refusal, 0 for success.
int transact(NetlinkSocket& socket, std::vector<NetlinkMessage> requests) {
    std::vector<NetlinkMessage> messages;
    messages.push_back(envelope(NFNL_MSG_BATCH_BEGIN));
    std::move(requests.begin(), requests.end(), std::back_inserter(messages));
    messages.push_back(envelope(NFNL_MSG_BATCH_END));
    const std::vector<NetlinkAnswer> answers = socket.batch(messages);
    for (const NetlinkAnswer& answer : answers) {
        if (answer.code != 0) {
            return answer.code;
        }
    }
    // A transaction that was carried out has acknowledged every message.
    return answers.size() + 2 >= messages.size() ? 0 : EPROTO;
}

/// One transaction over all the elements.
int transact(NetlinkSocket& socket, std::uint16_t type, std::uint16_t flags, const std::string& table,
             const Elements& elements) {
    // Many in a message: each message is answered, and the answers must fit into the socket. An attribute, as the list
    // of a message's elements is one, holds 64 KiB.
    constexpr std::size_t most = 1000;
    std::vector<NetlinkMessage> messages;
    for (const auto& [set, keys] : elements) {
        for (std::size_t at = 0; at < keys.size(); at += most) {
            const std::size_t count = std::min(most, keys.size() - at);
            messages.push_back(elementsMessage(type, flags, table, set, std::span(keys).subspan(at, count)));
        }
    }
    return transact(socket, std::move(messages));
}

/// Removes what is there of them. Returns errno of a refusal, 0 for success.
int remove(NetlinkSocket& socket, const std::string& table, const Elements& elements) {
    const int code = transact(socket, NFT_MSG_DELSETELEM, 0, table, elements);
    if (code != ENOENT) {
        return code;
    }
    // One absent element undid the transaction; NFT_MSG_DESTROYSETELEM, which would pass over it, came with Linux 6.3.
    // So one by one.
    int failed = 0;
    for (const auto& [set, keys] : elements) {
        for (const std::string& key : keys) {
            const int each = transact(socket, NFT_MSG_DELSETELEM, 0, table, {{set, {key}}});
            failed = each == 0 || each == ENOENT ? failed : each;
        }
    }
    return failed;
}

void readKeys(nlmsghdr* answer, std::vector<std::string>& keys) {
    const nlattr* list = nlmsg_find_attr(answer, sizeof(nfgenmsg), NFTA_SET_ELEM_LIST_ELEMENTS);
    if (list == nullptr) {
        return;
    }
    int left = nla_len(list);
    for (auto* item = static_cast<nlattr*>(nla_data(list)); nla_ok(item, left) != 0; item = nla_next(item, &left)) {
        const nlattr* key = nla_find(static_cast<nlattr*>(nla_data(item)), nla_len(item), NFTA_SET_ELEM_KEY);
        const nlattr* value =
            key == nullptr ? nullptr : nla_find(static_cast<nlattr*>(nla_data(key)), nla_len(key), NFTA_DATA_VALUE);
        if (value != nullptr) {
            keys.emplace_back(static_cast<const char*>(nla_data(value)), static_cast<std::size_t>(nla_len(value)));
        }
    }
}

/// All keys of one set; none where the set or the table is absent.
std::vector<std::string> keysOf(NetlinkSocket& socket, const std::string& table, const char* set) {
    // A dump during which elements came or went is torn (EINTR): read anew, but not for ever on a busy host.
    constexpr int attempts = 10;
    std::vector<std::string> keys;
    int code = EINTR;
    for (int attempt = 0; attempt < attempts && code == EINTR; ++attempt) {
        keys.clear();
        NetlinkMessage message = setMessage(NFT_MSG_GETSETELEM, NLM_F_DUMP, table, set, 0);
        code = socket.query(message, [&keys](nlmsghdr* answer) { readKeys(answer, keys); });
    }
    if (code != 0 && code != ENOENT) {
        throw Error(join("listing the set ", set, " of the nft table ", table), code);
    }
    return keys;
}

/// The field that addName() wrote.
std::string portOf(const std::string& key) {
    return key.substr(0, std::min(key.find('\0'), maximalLinkName));
}

} // namespace

void addGuard(const std::string& table, const GuardedPort& port) {
    Elements elements;
    addElements(table, port, elements);
    NetlinkSocket socket(NETLINK_NETFILTER);
    const int code = transact(socket, NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, elements);
    if (code != 0) {
        throw Error(join("guarding the port ", port.ifName, " in the nft table ", table), code);
    }
}

void addGuards(const std::string& table, const std::vector<GuardedPort>& ports) {
    Elements elements;
    for (const GuardedPort& port : ports) {
        addElements(table, port, elements);
    }
    NetlinkSocket socket(NETLINK_NETFILTER);
    const int code = transact(socket, NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, elements);
    if (code != 0) {
        throw Error(join("guarding ", ports.size(), " ports in the nft table ", table), code);
    }
}

std::shared_ptr<void> removeGuard(const std::string& table, const GuardedPort& port) {
    Elements elements;
    addElements(table, port, elements);
    const auto socket = std::make_shared<NetlinkSocket>(NETLINK_NETFILTER);
    if (const int code = remove(*socket, table, elements); code != 0) {
        throw Error(join("removing the guard of the port ", port.ifName, " from the nft table ", table), code);
    }
    return socket;
}

void removeStrayGuards(const std::string& table, const std::function<bool(const std::string&)>& stray) {
    NetlinkSocket socket(NETLINK_NETFILTER);
    // all of them before the first is judged: a boot that begins meanwhile adds some that nobody asks about
    Elements gone;
    for (const char* set : {portsSet, addressesSet}) {
        gone[set] = keysOf(socket, table, set);
    }
    for (auto& [set, keys] : gone) {
        std::erase_if(keys, [&stray](const std::string& key) { return !stray(portOf(key)); });
    }
    if (const int code = remove(socket, table, gone); code != 0) {
        throw Error(join("removing stray guards from the nft table ", table), code);
    }
}

std::vector<std::string> guardedInterfaces(const std::string& table) {
    NetlinkSocket socket(NETLINK_NETFILTER);
    std::set<std::string> names;
    for (const char* set : {portsSet, addressesSet}) {
        for (const std::string& key : keysOf(socket, table, set)) {
            names.insert(portOf(key));
        }
    }
    return {names.begin(), names.end()};
}

void setOpenedLinks(const std::string& table, const std::vector<std::string>& links) {
    Elements elements{{openedSet, {}}, {throughSet, {}}};
    for (const std::string& link : links) {
        elements[openedSet].push_back(Key().addName(link).bytes());
        elements[throughSet].push_back(Key().addName(link).addName(link).bytes());
    }
    NetlinkSocket socket(NETLINK_NETFILTER);
    std::vector<NetlinkMessage> messages;
    for (auto& [set, keys] : elements) {
        std::vector<std::string> before = keysOf(socket, table, set.c_str());
        std::sort(before.begin(), before.end());
        std::sort(keys.begin(), keys.end());
        if (before == keys) {
            continue;
        }
        messages.push_back(setMessage(NFT_MSG_DELSETELEM, NLM_F_ACK, table, set, 0)); // all
        if (!keys.empty()) {
            messages.push_back(elementsMessage(NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, set, keys));
        }
    }
    if (const int code = messages.empty() ? 0 : transact(socket, std::move(messages)); code != 0) {
        throw Error(join("telling the nft table ", table, " which links the host forwards from"), code);
    }
}

} // namespace zoned::sys
