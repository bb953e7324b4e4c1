/* SPDX-License-Identifier: MIT */
/* counter.c -- a replicated counter. Alone:
 *
 *     ./counter n1 n1
 *
 * or three of them, each in a terminal of its own:
 *
 *     CLUSTER=n1=127.0.0.1:7001,n2=127.0.0.1:7002,n3=127.0.0.1:7003
 *     ./counter n1 $CLUSTER       ./counter n2 $CLUSTER       ./counter n3 $CLUSTER
 *
 * A number on standard input is added on all of them; an empty line asks for the sum, as it is at
 * that moment in the whole cluster. Each keeps its journal in ./counter-NAME: stop one, start it
 * again, and it knows the sum.
 */
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <decree/node.h>

/* The state machine: what each node does with each command, in the same order everywhere. */
static void *counter_apply(void *context, decree_slot slot, const uint8_t *data, uint32_t size)
{
    int64_t *sum = context, amount = 0;

    (void)slot;
    if (size == sizeof(amount))
        memcpy(&amount, data, sizeof(amount));
    *sum += amount;
    return sum;
}

struct answer {
    sem_t ready;
    int64_t *sum; /* belongs to the loop thread: looked at only in a completion */
};

/* Called on the loop thread, when the command was applied here or the read may be answered. */
static void print_sum(void *argument, int error, decree_slot slot, void *result)
{
    struct answer *answer = argument;

    (void)result;
    if (error == 0)
        printf("%" PRId64 " after slot %" PRIu64 "\n", *answer->sum, slot);
    else
        printf("%s\n", decree_error_text(error));
    fflush(stdout);
    sem_post(&answer->ready);
}

int main(int argc, char **argv)
{
    char data_dir[128], line[64], *why = NULL;
    int64_t sum = 0;
    struct answer answer = {.sum = &sum};
    struct decree_node *node;
    struct decree_node_options options = {
        .name = argc == 3 ? argv[1] : "n1",
        .cluster = argc == 3 ? argv[2] : "n1",
        .data_dir = data_dir,
        .machine = {.context = &sum, .apply = counter_apply},
    };

    snprintf(data_dir, sizeof(data_dir), "counter-%s", options.name);
    sem_init(&answer.ready, 0, 0);
    if (decree_node_open(&node, &options, &why) != 0) {
        fprintf(stderr, "counter: %s\n", why);
        free(why);
        return 1;
    }
    while (fgets(line, sizeof(line), stdin) != NULL) {
        int64_t amount = strtoll(line, NULL, 10);
        int error = line[0] == '\n'
                        ? decree_node_read(node, print_sum, &answer)
                        : decree_node_propose(node, &amount, sizeof(amount), print_sum, &answer);

        if (error != 0)
            printf("%s\n", decree_error_text(error));
        else
            sem_wait(&answer.ready);
    }
    decree_node_close(node);
    return 0;
}
