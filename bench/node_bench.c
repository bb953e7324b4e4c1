/* SPDX-License-Identifier: MIT */
/* node_bench.c -- decree's library alone: three processes, tcp, every command synced on a quorum;
 * see three.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <decree/node.h>

#include "three.h"

static struct decree_node *node;
static struct three_load *load;
static uint8_t data[THREE_SIZE];

static void *apply(void *context, decree_slot slot, const uint8_t *command, uint32_t size)
{
    (void)context, (void)slot, (void)command, (void)size;
    return NULL;
}

static void propose(double *started_at);

static void done(void *argument, int error, decree_slot slot, void *result)
{
    (void)slot, (void)result;
    if (error == 0 && three_finished(load, *(double *)argument))
        propose(argument);
}

static void propose(double *started_at)
{
    *started_at = three_now();
    if (decree_node_propose(node, data, sizeof(data), done, started_at) != 0)
        exit(1);
}

static void child(int index, const char *folder, const int ports[3], struct three_load *child_load)
{
    char cluster[128], name[16];
    struct decree_node_options options = {
        .name = name, .cluster = cluster, .data_dir = folder, .machine.apply = apply};
    struct decree_status status = {0};
    char *why = NULL;

    load = child_load;
    (void)snprintf(name, sizeof(name), "n%d", index + 1);
    (void)snprintf(cluster, sizeof(cluster), "n1=127.0.0.1:%d,n2=127.0.0.1:%d,n3=127.0.0.1:%d",
                   ports[0], ports[1], ports[2]);
    if (decree_node_open(&node, &options, &why) != 0) {
        fprintf(stderr, "node_bench: %s\n", why);
        return;
    }
    while (!status.leading) {
        usleep(100000);
        decree_node_status(node, &status);
    }
    usleep(300000);
    load->begin = three_now();
    for (uint32_t i = 0; i < load->outstanding; i++)
        propose(calloc(1, sizeof(double)));
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    return three_run(argc, argv, child);
}
