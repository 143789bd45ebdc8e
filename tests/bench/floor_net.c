#include "floor_net.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// A batch of requests, each acknowledged.
struct batch {
    char data[4096];
    size_t used;
    unsigned int count;
    struct nlmsghdr* last;
};

static void* grow(struct batch* batch, size_t size) {
    void* place = batch->data + batch->used;
    memset(place, 0, NLMSG_ALIGN(size));
    batch->used += NLMSG_ALIGN(size);
    return place;
}

static void* begin(struct batch* batch, int type, int flags, size_t headerSize) {
    batch->last = grow(batch, NLMSG_HDRLEN);
    batch->last->nlmsg_type = (unsigned short)type;
    batch->last->nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags);
    batch->last->nlmsg_seq = ++batch->count;
    return grow(batch, headerSize);
}

static void finish(struct batch* batch) {
    batch->last->nlmsg_len = (unsigned int)(batch->data + batch->used - (char*)batch->last);
}

static struct rtattr* attribute(struct batch* batch, int type, const void* data, size_t size) {
    struct rtattr* made = grow(batch, RTA_LENGTH(size));
    made->rta_type = (unsigned short)type;
    made->rta_len = (unsigned short)RTA_LENGTH(size);
    if (size > 0) {
        memcpy(RTA_DATA(made), data, size);
    }
    return made;
}

static void endNest(struct batch* batch, struct rtattr* nest) {
    nest->rta_len = (unsigned short)(batch->data + batch->used - (char*)nest);
}

static void talk(int netlink, struct batch* batch, const char* what) {
    if (send(netlink, batch->data, batch->used, 0) < 0) {
        fail(what);
    }
    for (unsigned int answered = 0; answered < batch->count;) {
        char reply[8192];
        const ssize_t size = recv(netlink, reply, sizeof reply, 0);
        if (size < 0) {
            fail(what);
        }
        unsigned int left = (unsigned int)size;
        for (struct nlmsghdr* one = (struct nlmsghdr*)reply; NLMSG_OK(one, left); one = NLMSG_NEXT(one, left)) {
            const struct nlmsgerr* result = NLMSG_DATA(one);
            if (one->nlmsg_type == NLMSG_ERROR && result->error != 0) {
                errno = -result->error;
                fail(what);
            }
            ++answered;
        }
    }
}

int openNetlink(void) {
    const int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (netlink < 0) {
        fail("netlink socket");
    }
    return netlink;
}

// What the kernel ends with anyhow; left to itself it waits for a grace period to get there.
static void oneQueue(struct batch* batch) {
    const uint32_t one = 1;
    attribute(batch, IFLA_NUM_TX_QUEUES, &one, sizeof one);
    attribute(batch, IFLA_NUM_RX_QUEUES, &one, sizeof one);
}

void makeVeth(int netlink, const char* name, int bridge, int netns) {
    struct batch batch = {.used = 0};
    struct ifinfomsg* link = begin(&batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof *link);
    link->ifi_flags = IFF_UP;
    link->ifi_change = IFF_UP;
    attribute(&batch, IFLA_IFNAME, name, strlen(name) + 1);
    oneQueue(&batch);
    attribute(&batch, IFLA_MASTER, &bridge, sizeof bridge);
    struct rtattr* info = attribute(&batch, IFLA_LINKINFO, NULL, 0);
    attribute(&batch, IFLA_INFO_KIND, "veth", 5);
    struct rtattr* data = attribute(&batch, IFLA_INFO_DATA, NULL, 0);
    struct rtattr* peer = attribute(&batch, VETH_INFO_PEER, NULL, 0);
    grow(&batch, sizeof(struct ifinfomsg)); // all zero: "up" would be refused with ENOTCONN
    attribute(&batch, IFLA_IFNAME, "eth0", 5);
    oneQueue(&batch);
    attribute(&batch, IFLA_NET_NS_FD, &netns, sizeof netns);
    endNest(&batch, peer);
    endNest(&batch, data);
    endNest(&batch, info);
    finish(&batch);
    talk(netlink, &batch, "veth");
}

static void addUp(struct batch* batch, unsigned int index) {
    struct ifinfomsg* link = begin(batch, RTM_NEWLINK, 0, sizeof *link);
    link->ifi_index = (int)index;
    link->ifi_flags = IFF_UP;
    link->ifi_change = IFF_UP;
    finish(batch);
}

void configureInterface(int netlink, struct address address, uint32_t gateway) {
    const unsigned int index = if_nametoindex("eth0");
    if (index == 0) {
        fail("eth0");
    }
    struct batch batch = {.used = 0};
    addUp(&batch, if_nametoindex("lo"));
    addUp(&batch, index);
    struct ifaddrmsg* own = begin(&batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof *own);
    own->ifa_family = AF_INET;
    own->ifa_prefixlen = address.prefix;
    own->ifa_index = index;
    attribute(&batch, IFA_LOCAL, &address.host, sizeof address.host);
    attribute(&batch, IFA_ADDRESS, &address.host, sizeof address.host);
    finish(&batch);
    struct rtmsg* route = begin(&batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof *route);
    route->rtm_family = AF_INET;
    route->rtm_table = RT_TABLE_MAIN;
    route->rtm_protocol = RTPROT_BOOT;
    route->rtm_scope = RT_SCOPE_UNIVERSE;
    route->rtm_type = RTN_UNICAST;
    attribute(&batch, RTA_GATEWAY, &gateway, sizeof gateway);
    finish(&batch);
    talk(netlink, &batch, "address and route");
}
