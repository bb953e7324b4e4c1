/* SPDX-License-Identifier: MIT */
/* three.c -- see three.h. */
#include "three.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct result {
    uint64_t finished;
    double seconds, latency_sum;
};

double three_now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

bool three_finished(struct three_load *load, double started_at)
{
    double now = three_now();
    struct result result;

    load->finished++;
    load->latency_sum += now - started_at;
    if (now - load->begin < load->seconds)
        return true;
    if (load->result < 0)
        return false;
    result = (struct result){load->finished, now - load->begin, load->latency_sum};
    if (write(load->result, &result, sizeof(result)) != (ssize_t)sizeof(result))
        exit(1);
    load->result = -1;
    return false;
}

static void free_ports(int ports[3])
{
    int sockets[3];

    for (int i = 0; i < 3; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(address);

        sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (sockets[i] < 0 || bind(sockets[i], (struct sockaddr *)&address, size) != 0 ||
            getsockname(sockets[i], (struct sockaddr *)&address, &size) != 0)
            exit(1);
        ports[i] = ntohs(address.sin_port);
    }
    for (int i = 0; i < 3; i++)
        close(sockets[i]);
}

static int remove_one(const char *path, const struct stat *stat, int flag, struct FTW *ftw)
{
    (void)stat, (void)flag, (void)ftw;
    return remove(path);
}

static double cpu_of_children(void)
{
    struct rusage usage;

    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int three_run(int argc, char **argv,
              void (*child)(int index, const char *folder, const int ports[3],
                            struct three_load *load))
{
    struct three_load load = {.outstanding = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1,
                              .seconds = argc > 2 ? strtod(argv[2], NULL) : 5};
    char root[] = "/tmp/three-XXXXXX", folder[64];
    struct result result;
    int ports[3], pipes[2];
    pid_t children[3];
    bool got;

    if (load.outstanding == 0 || load.outstanding > 4096 || mkdtemp(root) == NULL ||
        pipe(pipes) != 0)
        return 64;
    free_ports(ports);
    load.result = pipes[1];
    for (int i = 0; i < 3; i++) {
        (void)snprintf(folder, sizeof(folder), "%s/%d", root, i);
        if (mkdir(folder, 0700) != 0)
            return 1;
        children[i] = fork();
        if (children[i] == 0) {
            alarm((unsigned)load.seconds + 30);
            child(i, folder, ports, &load);
            exit(1);
        }
    }
    close(pipes[1]);
    got = read(pipes[0], &result, sizeof(result)) == (ssize_t)sizeof(result);
    for (int i = 0; i < 3; i++)
        kill(children[i], SIGKILL);
    for (int i = 0; i < 3; i++)
        waitpid(children[i], NULL, 0);
    (void)nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (!got || result.finished == 0) {
        fprintf(stderr, "%s: no result\n", argv[0]);
        return 1;
    }
    printf("mean_us %.1f\nper_second %.0f\ncpu_us %.2f\n",
           result.latency_sum / (double)result.finished * 1e6,
           (double)result.finished / result.seconds,
           cpu_of_children() / (double)result.finished * 1e6);
    return 0;
}
