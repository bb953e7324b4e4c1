/* SPDX-License-Identifier: MIT */
/* log_bench.c -- the public ordered log: three processes, tcp, every item synced on a quorum; see
 * three.h. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <decree/log.h>

#include "three.h"

static struct decree_log *ordered;
static struct three_load *load;
static uint8_t data[THREE_SIZE];
static uint64_t request_id; /* of the loop thread, once the load runs */

static void propose(double *started_at);

static void done(void *argument, int error, uint64_t index)
{
    (void)index;
    if (error == 0 && three_finished(load, *(double *)argument))
        propose(argument);
}

static void propose(double *started_at)
{
    *started_at = three_now();
    if (decree_log_propose(ordered, ++request_id, data, sizeof(data), done, started_at) != 0)
        exit(1);
}

/* The first proposals come from the loop thread, too. */
static void begin(void *argument, int error, uint64_t index)
{
    (void)argument, (void)index;
    if (error != 0)
        exit(1);
    load->begin = three_now();
    for (uint32_t i = 0; i < load->outstanding; i++)
        propose(calloc(1, sizeof(double)));
}

static void child(int index, const char *folder, const int ports[3], struct three_load *child_load)
{
    char cluster[128], name[16];
    struct decree_log_options options = {
        .node = {.name = name, .cluster = cluster, .data_dir = folder}};
    struct decree_status status = {0};
    char *why = NULL;

    load = child_load;
    (void)snprintf(name, sizeof(name), "n%d", index + 1);
    (void)snprintf(cluster, sizeof(cluster), "n1=127.0.0.1:%d,n2=127.0.0.1:%d,n3=127.0.0.1:%d",
                   ports[0], ports[1], ports[2]);
    if (decree_log_open(&ordered, &options, &why) != 0) {
        fprintf(stderr, "log_bench: %s\n", why);
        return;
    }
    while (!status.leading) {
        usleep(100000);
        decree_log_status(ordered, &status);
    }
    usleep(300000);
    if (decree_log_read(ordered, begin, NULL) != 0)
        return;
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    return three_run(argc, argv, child);
}
