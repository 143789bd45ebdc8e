#include "sys/nft_elements.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <vector>

#include "sys/error.hpp"
#include "sys/netlink.hpp"
#include "sys/netlink_message.hpp"

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

struct Element {
    const char* set;
    Key key;
};

/// The sets are those of nft_table.cpp.
std::vector<Element> elementsOf(const GuardedPort& port) {
    if (port.ifName.empty() || port.ifName.size() > maximalLinkName) {
        throw Error(join("guarding the port \"", port.ifName, "\""), EINVAL);
    }
    const MacAddress mac = parseMac(port.mac);
    std::vector<Element> elements{{"ports", Key().addName(port.ifName)}};
    if (port.ipv4) {
        const std::uint32_t ip4 = htonl(*port.ipv4);
        elements.push_back({"port_ipv4", Key().addName(port.ifName).add(mac.data(), mac.size()).add(&ip4, sizeof ip4)});
    }
    return elements;
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

NetlinkMessage elementMessage(std::uint16_t type, std::uint16_t flags, const std::string& table,
                              const Element& element) {
    NetlinkMessage message(static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | type),
                           static_cast<std::uint16_t>(flags | NLM_F_ACK));
    nfgenmsg header{};
    header.nfgen_family = NFPROTO_BRIDGE;
    header.version = NFNETLINK_V0;
    message.header(header);
    message.putText(NFTA_SET_ELEM_LIST_TABLE, table);
    message.putText(NFTA_SET_ELEM_LIST_SET, element.set);
    message.nest(NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED, [&] {
        message.nest(NFTA_LIST_ELEM | NLA_F_NESTED, [&] {
            message.nest(NFTA_SET_ELEM_KEY | NLA_F_NESTED, [&] {
                const std::string& key = element.key.bytes();
                message.put(NFTA_DATA_VALUE, key.data(), key.size());
            });
        });
    });
    return message;
}

/// One transaction over all the elements. Returns errno of the first refusal, 0 for success.
int transact(NetlinkSocket& socket, std::uint16_t type, std::uint16_t flags, const std::string& table,
             const std::vector<Element>& elements) {
    std::vector<NetlinkMessage> messages;
    messages.push_back(envelope(NFNL_MSG_BATCH_BEGIN));
    for (const Element& element : elements) {
        messages.push_back(elementMessage(type, flags, table, element));
    }
    messages.push_back(envelope(NFNL_MSG_BATCH_END));
    const std::vector<NetlinkAnswer> answers = socket.batch(messages);
    for (const NetlinkAnswer& answer : answers) {
        if (answer.code != 0) {
            return answer.code;
        }
    }
    // A transaction that was carried out has acknowledged every element.
    return answers.size() >= elements.size() ? 0 : EPROTO;
}

} // namespace

void addGuard(const std::string& table, const GuardedPort& port) {
    NetlinkSocket socket(NETLINK_NETFILTER);
    const int code = transact(socket, NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, elementsOf(port));
    if (code != 0) {
        throw Error(join("guarding the port ", port.ifName, " in the nft table ", table), code);
    }
}

std::shared_ptr<void> removeGuard(const std::string& table, const GuardedPort& port) {
    const auto held = std::make_shared<NetlinkSocket>(NETLINK_NETFILTER);
    NetlinkSocket& socket = *held;
    const std::vector<Element> elements = elementsOf(port);
    int code = transact(socket, NFT_MSG_DELSETELEM, 0, table, elements);
    if (code == ENOENT) {
        // One absent element undid the transaction; NFT_MSG_DESTROYSETELEM, which would pass over it, came with
        // Linux 6.3. So one by one.
        code = 0;
        for (const Element& element : elements) {
            const int each = transact(socket, NFT_MSG_DELSETELEM, 0, table, {element});
            if (each != 0 && each != ENOENT) {
                code = each;
            }
        }
    }
    if (code != 0) {
        throw Error(join("removing the guard of the port ", port.ifName, " from the nft table ", table), code);
    }
    return held;
}

} // namespace zoned::sys
