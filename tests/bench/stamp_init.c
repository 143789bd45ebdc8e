// A zone's init for the boot benchmark: writes the monotonic clock, in nanoseconds, to /started in its root, and then
// waits to be killed, or ends at once when told to by the argument "exit".
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char** argv) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    FILE* stamp = fopen("/started.new", "w");
    if (stamp == NULL) {
        return 1;
    }
    fprintf(stamp, "%lld\n", (long long)now.tv_sec * 1000000000LL + now.tv_nsec);
    if (fclose(stamp) != 0 || rename("/started.new", "/started") != 0) {
        return 1;
    }
    if (argc > 1 && strcmp(argv[argc - 1], "exit") == 0) {
        return 0;
    }
    for (;;) {
        pause();
    }
}
