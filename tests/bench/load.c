// Loads a disk or a network, inside a zone and outside alike, and prints what it reached.
//
//   load write FILE MIB          MiB/s of writing a new file, until it is on the disk
//   load read FILE MIB           MiB/s of reading that file, which is not in the cache
//   load serve PORT              answers the two below, until it is killed
//   load send ADDRESS PORT S     MiB/s of one TCP connection over so many seconds
//   load ping ADDRESS PORT N     median microseconds of a byte there and back, both ends on one processor: to wake
//                                another one takes several times as long as the way, and happens or not by chance
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { blockSize = 1 << 20 };

static char block[blockSize];

static int need(long result, const char* what) {
    if (result < 0) {
        fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
        exit(1);
    }
    return (int)result;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void writeFile(const char* path, int count) {
    const int file = need(open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600), path);
    const double begin = now();
    for (int i = 0; i < count; ++i) {
        memset(block, i, 64); // no two blocks are the same
        need(write(file, block, blockSize) == blockSize ? 0 : -1, path);
    }
    need(fsync(file), path);
    printf("%.1f\n", count / (now() - begin));
}

static void readFile(const char* path, int count) {
    const int file = need(open(path, O_RDONLY | O_CLOEXEC), path);
    errno = posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    need(errno == 0 ? 0 : -1, path);
    const double begin = now();
    for (int i = 0; i < count; ++i) {
        errno = ENODATA;
        need(read(file, block, blockSize) == blockSize ? 0 : -1, path);
    }
    printf("%.1f\n", count / (now() - begin));
}

static void stayOn(const cpu_set_t* processors) {
    need(sched_setaffinity(0, sizeof *processors, processors), "sched_setaffinity");
}

static cpu_set_t allowed(void) {
    cpu_set_t processors;
    need(sched_getaffinity(0, sizeof processors, &processors), "sched_getaffinity");
    return processors;
}

static cpu_set_t firstAllowed(void) {
    const cpu_set_t processors = allowed();
    cpu_set_t first;
    CPU_ZERO(&first);
    for (size_t number = 0; number < CPU_SETSIZE && CPU_COUNT(&first) == 0; ++number) {
        if (CPU_ISSET(number, &processors)) {
            CPU_SET(number, &first);
        }
    }
    return first;
}

static void answer(int peer, const cpu_set_t* first) {
    int pings = 0;
    for (ssize_t size; (size = read(peer, block, blockSize)) > 0;) {
        if (size == 1 && pings++ == 0) {
            stayOn(first);
        }
        if (size == 1 && write(peer, block, 1) != 1) {
            return;
        }
    }
}

static void serve(int port) {
    const cpu_set_t everywhere = allowed(), first = firstAllowed();
    const struct sockaddr_in place = {
        .sin_family = AF_INET, .sin_port = htons((in_port_t)port), .sin_addr.s_addr = htonl(INADDR_ANY)};
    const int one = 1;
    const int listener = need(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    need(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), "socket");
    need(bind(listener, (const struct sockaddr*)&place, sizeof place), "bind");
    need(listen(listener, 8), "listen");
    for (;;) {
        const int peer = need(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept");
        need(setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), "socket");
        answer(peer, &first);
        close(peer);
        stayOn(&everywhere);
    }
}

static int connectTo(const char* address, int port) {
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((in_port_t)port)};
    errno = EINVAL;
    need(inet_pton(AF_INET, address, &place.sin_addr) == 1 ? 0 : -1, address);
    const int one = 1;
    const int peer = need(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    need(setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), "socket");
    need(connect(peer, (const struct sockaddr*)&place, sizeof place), address);
    return peer;
}

static void sendFor(const char* address, int port, double seconds) {
    const int peer = connectTo(address, port);
    const double begin = now();
    double bytes = 0;
    while (now() - begin < seconds) {
        const ssize_t size = write(peer, block, blockSize);
        need(size, address);
        bytes += (double)size;
    }
    printf("%.1f\n", bytes / blockSize / (now() - begin));
}

static int byValue(const void* left, const void* right) {
    const double a = *(const double*)left, b = *(const double*)right;
    return (a > b) - (a < b);
}

static void ping(const char* address, int port, int count) {
    const int peer = connectTo(address, port);
    const cpu_set_t first = firstAllowed();
    stayOn(&first);
    double* times = calloc((size_t)count, sizeof *times);
    need(times == NULL ? -1 : 0, "memory");
    for (int i = 0; i < count; ++i) {
        const double begin = now();
        need(write(peer, block, 1) == 1 && read(peer, block, 1) == 1 ? 0 : -1, address);
        times[i] = now() - begin;
    }
    qsort(times, (size_t)count, sizeof *times, byValue);
    printf("%.1f\n", times[count / 2] * 1e6);
    free(times);
}

int main(int argc, char** argv) {
    const char* verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "write") == 0 && argc == 4) {
        writeFile(argv[2], atoi(argv[3]));
    } else if (strcmp(verb, "read") == 0 && argc == 4) {
        readFile(argv[2], atoi(argv[3]));
    } else if (strcmp(verb, "serve") == 0 && argc == 3) {
        serve(atoi(argv[2]));
    } else if (strcmp(verb, "send") == 0 && argc == 5) {
        sendFor(argv[2], atoi(argv[3]), atof(argv[4]));
    } else if (strcmp(verb, "ping") == 0 && argc == 5 && atoi(argv[4]) > 0) {
        ping(argv[2], atoi(argv[3]), atoi(argv[4]));
    } else {
        fprintf(stderr, "usage: load write|read FILE MIB, serve PORT, send ADDRESS PORT SECONDS, "
                        "ping ADDRESS PORT COUNT\n");
        return 2;
    }
    return 0;
}
