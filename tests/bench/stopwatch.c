// Takes the time of commands and of requests on the bus, with as little of its own around them as there can be: a
// Python program would add a millisecond to each.
//
//   stopwatch [BUS-ADDRESS]
//
// Reads requests from standard input, a line each with fields separated by tabs, and answers each with a line: the
// nanoseconds of the monotonic clock at its beginning and its end, and the exit status (128 + N for signal N).
//
//   run      PROGRAM ARG…      a command, until it has ended; its standard error is ours; 127: it is not there
//   start    PROGRAM ARG…      a command that is left running; the status is its process id, -1: it is not there
//   end      PID               waits for such a command; the status is its exit status
//   boot     PATH              the job of Boot of the zone at an object path, without waiting for readiness
//   job      PATH MEMBER       the job of another request of a zone without arguments
//   create   NAME IMAGE        Define, and the job of Install
//   autoboot                   the job of Autoboot
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

enum { maximumFields = 256 };

static const char service[] = "org.zoned1";
static const char managerPath[] = "/org/zoned1";
static const char manager[] = "org.zoned1.Manager";
static const char zone[] = "org.zoned1.Zone";

// The end of a job may be told before the reply that names it has been read.
static struct {
    char path[256];
    char ended[256];
    bool failed;
} job;

static sd_bus* bus;

_Noreturn static void failWith(const char* what, const char* why) {
    fprintf(stderr, "stopwatch: %s: %s\n", what, why);
    exit(1);
}

static int need(int result, const char* what) {
    if (result < 0) {
        failWith(what, strerror(-result));
    }
    return result;
}

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (long long)time.tv_sec * 1000000000LL + time.tv_nsec;
}

// --- commands

static pid_t start(char** argv, posix_spawn_file_actions_t* files) {
    pid_t child = -1;
    const int code = posix_spawnp(&child, argv[0], files, NULL, argv, environ);
    if (code != 0) {
        fprintf(stderr, "stopwatch: %s: %s\n", argv[0], strerror(code));
        return -1;
    }
    return child;
}

static int statusOf(pid_t child) {
    if (child < 0) {
        return 127;
    }
    int status = 0;
    if (waitpid(child, &status, 0) < 0) {
        failWith("waiting for a command", strerror(errno));
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// --- requests

static int heardOfEnd(sd_bus_message* message, void* data, sd_bus_error* error) {
    (void)data;
    (void)error;
    const char *path = NULL, *result = NULL, *name = NULL, *text = NULL;
    need(sd_bus_message_skip(message, "u"), "JobRemoved");
    need(sd_bus_message_read(message, "o", &path), "JobRemoved");
    need(sd_bus_message_skip(message, "ss"), "JobRemoved");
    need(sd_bus_message_read(message, "sss", &result, &name, &text), "JobRemoved");
    snprintf(job.ended, sizeof job.ended, "%s", path);
    job.failed = strcmp(result, "done") != 0;
    if (job.failed) {
        fprintf(stderr, "stopwatch: %s: %s\n", name, text);
    }
    return 0;
}

static void connectTo(const char* address) {
    need(sd_bus_new(&bus), "bus");
    need(sd_bus_set_address(bus, address), address);
    need(sd_bus_set_bus_client(bus, true), "bus");
    need(sd_bus_start(bus), address);
    need(sd_bus_match_signal(bus, NULL, service, managerPath, manager, "JobRemoved", heardOfEnd, NULL), "JobRemoved");
}

// NULL: it was refused
static sd_bus_message* ask(sd_bus_message* request) {
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message* reply = NULL;
    if (sd_bus_call(bus, request, 0, &error, &reply) < 0) {
        fprintf(stderr, "stopwatch: %s: %s\n", sd_bus_message_get_member(request),
                error.message != NULL ? error.message : "failed");
        sd_bus_error_free(&error);
    }
    sd_bus_message_unref(request);
    return reply;
}

static sd_bus_message* request(const char* path, const char* interface, const char* member) {
    sd_bus_message* made = NULL;
    need(sd_bus_message_new_method_call(bus, &made, service, path, interface, member), member);
    return made;
}

static int untilEnd(sd_bus_message* reply) {
    if (reply == NULL) {
        return 1;
    }
    const char* path = NULL;
    need(sd_bus_message_read(reply, "o", &path), "the job's path");
    snprintf(job.path, sizeof job.path, "%s", path);
    sd_bus_message_unref(reply);
    while (strcmp(job.path, job.ended) != 0) {
        if (need(sd_bus_process(bus, NULL), "bus") == 0) {
            need(sd_bus_wait(bus, UINT64_MAX), "bus");
        }
    }
    return job.failed ? 1 : 0;
}

static int boot(const char* path) {
    sd_bus_message* made = request(path, zone, "Boot");
    need(sd_bus_message_append(made, "a{sv}", 1, "wait", "b", 0), "Boot");
    return untilEnd(ask(made));
}

static int create(const char* name, const char* image) {
    sd_bus_message* define = request(managerPath, manager, "Define");
    need(sd_bus_message_append(define, "sssa(ss)", name, "", "", 1, "image", image), "Define");
    const char* path = NULL;
    sd_bus_message* reply = ask(define);
    if (reply == NULL) {
        return 1;
    }
    need(sd_bus_message_read(reply, "o", &path), "Define");
    const int status = untilEnd(ask(request(path, zone, "Install")));
    sd_bus_message_unref(reply);
    return status;
}

// --- the lines

static int obey(char** fields, size_t count, posix_spawn_file_actions_t* files) {
    const char* verb = fields[0];
    if (strcmp(verb, "run") == 0 && count > 1) {
        return statusOf(start(fields + 1, files));
    }
    if (strcmp(verb, "start") == 0 && count > 1) {
        return start(fields + 1, files);
    }
    if (strcmp(verb, "end") == 0 && count == 2) {
        return statusOf(atoi(fields[1]));
    }
    if (bus != NULL && strcmp(verb, "boot") == 0 && count == 2) {
        return boot(fields[1]);
    }
    if (bus != NULL && strcmp(verb, "job") == 0 && count == 3) {
        return untilEnd(ask(request(fields[1], zone, fields[2])));
    }
    if (bus != NULL && strcmp(verb, "create") == 0 && count == 3) {
        return create(fields[1], fields[2]);
    }
    if (bus != NULL && strcmp(verb, "autoboot") == 0 && count == 1) {
        return untilEnd(ask(request(managerPath, manager, "Autoboot")));
    }
    failWith("no such request", verb);
}

int main(int argc, char** argv) {
    if (argc > 2) {
        fprintf(stderr, "usage: stopwatch [BUS-ADDRESS]\n");
        return 2;
    }
    if (argc == 2) {
        connectTo(argv[1]);
    }
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", 0, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", 1, 0);
    char* line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        char* fields[maximumFields + 1];
        size_t count = 0;
        for (char* rest = line; rest != NULL && count < maximumFields;) {
            fields[count++] = strsep(&rest, "\t");
        }
        fields[count] = NULL;
        const long long begin = now();
        const int status = obey(fields, count, &files);
        printf("%lld %lld %d\n", begin, now(), status);
        fflush(stdout);
    }
    free(line);
    sd_bus_flush_close_unref(bus);
    return 0;
}
