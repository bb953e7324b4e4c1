/* SPDX-License-Identifier: MIT */
/* log_tail.c -- a shared log, as `tail -f` would show it. Alone:
 *
 *     ./log_tail n1 n1
 *
 * or three of them, each in a terminal of its own:
 *
 *     CLUSTER=n1=127.0.0.1:7001,n2=127.0.0.1:7002,n3=127.0.0.1:7003
 *     ./log_tail n1 $CLUSTER      ./log_tail n2 $CLUSTER      ./log_tail n3 $CLUSTER
 *
 * Each line of standard input is entered in the log; every item is printed by all, from the first
 * on, in the same order. Each keeps its journal in ./log-NAME: start it again, and it shows the
 * whole log again. What it says of its own lines, and when, is the member's affair; the order of the
 * items is everybody's.
 */
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <decree/log.h>

/* Called for one item after the other, on a thread of the subscription. */
static int print_item(void *argument, const struct decree_log_item *item)
{
    (void)argument;
    printf("%" PRIu64 " from %" PRIu32 ": %.*s\n", item->index, item->origin,
           (int)item->values[0].size, (const char *)item->values[0].data);
    fflush(stdout);
    return 0;
}

static sem_t entered; /* posted for each line */

/* Called on the loop thread, when the line is in the log of this member. */
static void note_index(void *argument, int error, uint64_t index)
{
    if (error == 0)
        printf("\"%s\" is item %" PRIu64 "\n", (const char *)argument, index);
    else
        fprintf(stderr, "\"%s\": %s\n", (const char *)argument, decree_error_text(error));
    fflush(stdout);
    free(argument);
    sem_post(&entered);
}

int main(int argc, char **argv)
{
    char data_dir[128], line[1024], *why = NULL;
    uint64_t proposed = 0;
    struct decree_log_subscription *subscription;
    struct decree_log *log;
    struct decree_log_options options = {
        .node = {.name = argc > 1 ? argv[1] : "n1",
                 .cluster = argc > 2 ? argv[2] : "n1",
                 .data_dir = data_dir},
    };

    (void)snprintf(data_dir, sizeof(data_dir), "log-%s", options.node.name);
    if (decree_log_open(&log, &options, &why) != 0 ||
        decree_log_subscribe(log, 1, print_item, NULL, &subscription) != 0) {
        fprintf(stderr, "log_tail: %s\n", why != NULL ? why : "out of memory");
        free(why);
        return 1;
    }
    sem_init(&entered, 0, 0);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        char *text = strndup(line, strcspn(line, "\n"));

        if (decree_log_propose(log, 0, text, strlen(text), note_index, text) != 0) {
            fprintf(stderr, "\"%s\" cannot be proposed now\n", text);
            free(text);
            continue;
        }
        proposed++;
    }
    while (proposed-- > 0)
        sem_wait(&entered);
    decree_log_close(log); /* ends the subscription, too */
    return 0;
}
