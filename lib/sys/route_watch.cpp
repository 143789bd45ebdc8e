#include "sys/route_watch.hpp"

#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "sys/error.hpp"

namespace zoned::sys {

namespace {

bool concerns(nlmsghdr* message) {
    switch (message->nlmsg_type) {
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
        return true;
    case RTM_NEWNETCONF: {
        // each link that is made is told of, too
        const nlattr* link = nlmsg_find_attr(message, sizeof(netconfmsg), NETCONFA_IFINDEX);
        return link != nullptr && static_cast<int>(nla_get_u32(link)) == NETCONFA_IFINDEX_ALL &&
               nlmsg_find_attr(message, sizeof(netconfmsg), NETCONFA_FORWARDING) != nullptr;
    }
    default:
        return false;
    }
}

} // namespace

RouteWatch::RouteWatch()
    : socket_(check(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE),
                    "opening a netlink socket to watch the routes")) {
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = (1U << (RTNLGRP_IPV4_ROUTE - 1)) | (1U << (RTNLGRP_IPV4_NETCONF - 1));
    check(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
          "listening to changes of the routes");
}

bool RouteWatch::take() {
    std::array<char, 32768> buffer{};
    bool news = false;
    for (;;) {
        const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == ENOBUFS) {
            news = true; // so much was told at once that some of it was lost
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
            news = news || concerns(message);
        }
    }
}

} // namespace zoned::sys
