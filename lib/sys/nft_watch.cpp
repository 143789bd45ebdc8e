#include "sys/nft_watch.hpp"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "sys/error.hpp"

namespace zoned::sys {

namespace {

NftWatch::News newsOf(const nlmsghdr* message) {
    if (NFNL_SUBSYS_ID(message->nlmsg_type) != NFNL_SUBSYS_NFTABLES) {
        return NftWatch::News::none;
    }
    switch (NFNL_MSG_TYPE(message->nlmsg_type)) {
    case NFT_MSG_NEWTABLE:
    case NFT_MSG_NEWCHAIN:
    case NFT_MSG_NEWRULE:
    case NFT_MSG_NEWSET:
        return NftWatch::News::changed;
    case NFT_MSG_DELTABLE:
    case NFT_MSG_DELCHAIN:
    case NFT_MSG_DELRULE:
    case NFT_MSG_DELSET:
        return NftWatch::News::deleted;
    default:
        return NftWatch::News::none;
    }
}

bool concerns(nlmsghdr* message, const std::string& tableName) {
    // NFTA_CHAIN_TABLE, NFTA_RULE_TABLE and NFTA_SET_TABLE have the same number
    static_assert(static_cast<int>(NFTA_TABLE_NAME) == static_cast<int>(NFTA_RULE_TABLE));
    const nlattr* name = nlmsg_find_attr(message, sizeof(nfgenmsg), NFTA_TABLE_NAME);
    return name != nullptr && nla_strcmp(name, tableName.c_str()) == 0;
}

} // namespace

NftWatch::NftWatch(std::string tableName)
    : tableName_(std::move(tableName)),
      socket_(check(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER),
                    "opening a netlink socket to watch the packet filter")) {
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = 1U << (NFNLGRP_NFTABLES - 1);
    // not by NETLINK_ADD_MEMBERSHIP alone: a socket that was never bound is told nothing
    check(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
          "listening to changes of the packet filter");
}

NftWatch::News NftWatch::take() {
    std::array<char, 32768> buffer{};
    News news = News::none;
    for (;;) {
        const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == ENOBUFS) {
            news = News::deleted;
            continue;
        }
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return news;
        }
        int left = static_cast<int>(size);
        for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); nlmsg_ok(message, left) != 0;
             message = nlmsg_next(message, &left)) {
            if (newsOf(message) > news && concerns(message, tableName_)) {
                news = newsOf(message);
            }
        }
    }
}

} // namespace zoned::sys
