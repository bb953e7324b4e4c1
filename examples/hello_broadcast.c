/* SPDX-License-Identifier: MIT */
/* hello_broadcast.c -- two peers in one process, talking through memory: each broadcasts a greeting,
 * and both deliver both, in the same order.
 */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <decree/broadcast.h>

#define PEERS 2

struct peer {
    const char *name;
    struct decree_broadcast *broadcast;
    sem_t *delivered;
};

/* Called on the peer's own thread, once for each message, in the order of all. */
static void deliver(void *context, decree_node_id origin, const uint8_t *message, uint32_t size)
{
    struct peer *peer = context;

    printf("%s delivers from %u: %.*s\n", peer->name, origin, (int)size, (const char *)message);
    sem_post(peer->delivered);
}

int main(void)
{
    static const char *const greetings[PEERS] = {"hello, paxos!", "hello, peer!"};
    sem_t delivered;
    struct peer peers[PEERS] = {{.name = "ann", .delivered = &delivered},
                                {.name = "bob", .delivered = &delivered}};
    struct decree_hub *hub;

    sem_init(&delivered, 0, 0);
    if (decree_hub_new(&hub) != 0)
        return 1;
    for (int i = 0; i < PEERS; i++) {
        struct decree_broadcast_options options = {
            .node = {.name = peers[i].name, .cluster = "ann,bob", .hub = hub},
            .deliver = deliver,
            .context = &peers[i],
        };
        char *why = NULL;

        if (decree_broadcast_open(&peers[i].broadcast, &options, &why) != 0) {
            fprintf(stderr, "hello_broadcast: %s\n", why);
            free(why);
            return 1;
        }
    }
    for (int i = 0; i < PEERS; i++)
        decree_broadcast_send(peers[i].broadcast, greetings[i], strlen(greetings[i]), NULL, NULL);
    for (int i = 0; i < PEERS * PEERS; i++)
        sem_wait(&delivered);
    for (int i = 0; i < PEERS; i++)
        decree_broadcast_close(peers[i].broadcast);
    decree_hub_free(hub);
    return 0;
}
