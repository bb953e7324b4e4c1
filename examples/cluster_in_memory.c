/* SPDX-License-Identifier: MIT */
/* cluster_in_memory.c -- three nodes in one process, talking through memory and keeping nothing.
 *
 * Words are proposed in turn at each of the three nodes; all of them see the same words in the same
 * order. Good for trying things out, and for tests of a state machine of your own.
 */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <decree/node.h>

#define NODES 3

/* The state machine: a sentence that grows by a word with each command. */
struct sentence {
    char text[256];
    size_t size;
};

static void *sentence_apply(void *context, decree_slot slot, const uint8_t *word, uint32_t size)
{
    struct sentence *sentence = context;

    (void)slot;
    if (sentence->size + size + 1 < sizeof(sentence->text)) {
        memcpy(sentence->text + sentence->size, word, size);
        sentence->size += size;
        sentence->text[sentence->size++] = ' ';
    }
    return NULL;
}

static void wake(void *argument, int error, decree_slot slot, void *result)
{
    (void)slot;
    (void)result;
    if (error != 0)
        fprintf(stderr, "%s\n", decree_error_text(error));
    sem_post(argument);
}

int main(void)
{
    static const char *const names[NODES] = {"ann", "bob", "cid"};
    static const char *const words[] = {"the", "same", "words", "in", "the", "same", "order"};
    struct sentence sentences[NODES] = {0};
    struct decree_node *nodes[NODES];
    struct decree_hub *hub;
    sem_t ready;

    sem_init(&ready, 0, 0);
    if (decree_hub_new(&hub) != 0)
        return 1;
    for (int i = 0; i < NODES; i++) {
        struct decree_node_options options = {
            .name = names[i],
            .cluster = "ann,bob,cid", /* no addresses: they talk through the hub */
            .hub = hub,
            .machine = {.context = &sentences[i], .apply = sentence_apply},
        };
        char *why = NULL;

        if (decree_node_open(&nodes[i], &options, &why) != 0) {
            fprintf(stderr, "%s\n", why);
            free(why);
            return 1;
        }
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (decree_node_propose(nodes[i % NODES], words[i], strlen(words[i]), wake, &ready) == 0)
            sem_wait(&ready);
    }
    /* A read at each node completes when that node has caught up with all that was decided
     * before. */
    for (int i = 0; i < NODES; i++) {
        if (decree_node_read(nodes[i], wake, &ready) == 0)
            sem_wait(&ready);
    }
    for (int i = 0; i < NODES; i++) {
        decree_node_close(nodes[i]);
        printf("%s: %s\n", names[i], sentences[i].text);
    }
    decree_hub_free(hub);
    return 0;
}
