// The network half of floor.c: rtnetlink with nothing but the kernel's headers.
#ifndef FLOOR_NET_H
#define FLOOR_NET_H

#include <stdint.h>

struct address {
    uint32_t host; // network byte order
    unsigned char prefix;
};

/// Makes a veth pair: `name` here, up and on the bridge; eth0 in the network namespace. One message.
void makeVeth(int netlink, const char* name, int bridge, int netns);
/// Inside the network namespace of the netlink socket: lo and eth0 up, an address, the default route. One batch.
void configureInterface(int netlink, struct address address, uint32_t gateway);
int openNetlink(void);

/// Prints what failed, with errno, and ends the program.
_Noreturn void fail(const char* what);

#endif
