/* SPDX-License-Identifier: MIT */
/* kv_broadcast.c -- a key-value store on total order broadcast: a put is a message, and completes
 * when it was delivered here. Three members in this process, talking through memory; each line goes to
 * the next of them:
 *
 *     ./kv_broadcast
 *
 * or one member of a cluster over tcp, which keeps its journal in ./kv-NAME:
 *
 *     CLUSTER=n1=127.0.0.1:7001,n2=127.0.0.1:7002,n3=127.0.0.1:7003
 *     ./kv_broadcast n1 $CLUSTER      ./kv_broadcast n2 $CLUSTER      ./kv_broadcast n3 $CLUSTER
 *
 * Lines on standard input: `put KEY VALUE` and `get KEY`. A get sees every put that had completed
 * anywhere before it was asked.
 */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <decree/broadcast.h>

#define MEMBERS_MAX 3
#define PAIRS_MAX 1000
#define LINE_MAX_BYTES 256

struct pair {
    char key[64], value[LINE_MAX_BYTES];
};

struct store { /* belongs to the member's loop thread: looked at in deliver and in completions */
    struct decree_broadcast *broadcast;
    struct pair pairs[PAIRS_MAX];
    int count;
};

static struct pair *find(struct store *store, const char *key)
{
    for (int i = 0; i < store->count; i++)
        if (strcmp(store->pairs[i].key, key) == 0)
            return &store->pairs[i];
    return NULL;
}

/* A message is "KEY VALUE". All members get the same ones in the same order, so all stores are the
 * same. */
static void deliver(void *context, decree_node_id origin, const uint8_t *message, uint32_t size)
{
    struct store *store = context;
    struct pair pair = {.key = ""}, *place;
    const uint8_t *space = memchr(message, ' ', size);
    size_t key_size = space == NULL ? size : (size_t)(space - message);

    (void)origin;
    if (space == NULL || key_size >= sizeof(pair.key) || size - key_size > sizeof(pair.value))
        return;
    memcpy(pair.key, message, key_size);
    memcpy(pair.value, space + 1, size - key_size - 1);
    place = find(store, pair.key);
    if (place == NULL && store->count < PAIRS_MAX)
        place = &store->pairs[store->count++];
    if (place != NULL)
        *place = pair;
}

struct request { /* of the main thread, which waits */
    struct store *store;
    const char *key;
    sem_t done;
};

static void put_delivered(void *argument, int error)
{
    struct request *request = argument;

    printf("%s\n", error == 0 ? "stored" : decree_error_text(error));
    sem_post(&request->done);
}

static void get_ready(void *argument, int error, decree_slot slot, void *result)
{
    struct request *request = argument;
    const struct pair *pair = find(request->store, request->key);

    (void)slot;
    (void)result;
    printf("%s\n", error != 0     ? decree_error_text(error)
                   : pair == NULL ? "no such key"
                                  : pair->value);
    sem_post(&request->done);
}

static void serve_line(struct store *store, char *line)
{
    struct request request = {.store = store, .key = line + 4};
    int error;

    line[strcspn(line, "\n")] = '\0';
    sem_init(&request.done, 0, 0);
    if (strncmp(line, "put ", 4) == 0 && strchr(line + 4, ' ') != NULL) {
        error = decree_broadcast_send(store->broadcast, line + 4, strlen(line + 4), put_delivered,
                                      &request);
    } else if (strncmp(line, "get ", 4) == 0) {
        error = decree_broadcast_read(store->broadcast, get_ready, &request);
    } else {
        printf("write: put KEY VALUE, or get KEY\n");
        error = 0;
        sem_post(&request.done);
    }
    if (error != 0)
        printf("%s\n", decree_error_text(error));
    else
        sem_wait(&request.done);
    fflush(stdout);
    sem_destroy(&request.done);
}

static void open_member(struct store *store, struct decree_node_options node)
{
    struct decree_broadcast_options options = {.node = node, .deliver = deliver, .context = store};
    char *why = NULL;

    if (decree_broadcast_open(&store->broadcast, &options, &why) == 0)
        return;
    fprintf(stderr, "kv_broadcast: %s\n", why);
    free(why);
    exit(1);
}

int main(int argc, char **argv)
{
    static const char *const names[MEMBERS_MAX] = {"ann", "bob", "cid"};
    static struct store stores[MEMBERS_MAX];
    int members = argc == 3 ? 1 : MEMBERS_MAX, next = 0;
    struct decree_hub *hub = NULL;
    char line[LINE_MAX_BYTES], data_dir[128];

    if (argc == 3) {
        snprintf(data_dir, sizeof(data_dir), "kv-%s", argv[1]);
        open_member(&stores[0], (struct decree_node_options){
                                    .name = argv[1], .cluster = argv[2], .data_dir = data_dir});
    } else if (decree_hub_new(&hub) == 0) {
        for (int i = 0; i < members; i++)
            open_member(&stores[i], (struct decree_node_options){
                                        .name = names[i], .cluster = "ann,bob,cid", .hub = hub});
    } else {
        return 1;
    }
    while (fgets(line, sizeof(line), stdin) != NULL)
        serve_line(&stores[next++ % members], line);
    for (int i = 0; i < members; i++)
        decree_broadcast_close(stores[i].broadcast);
    decree_hub_free(hub);
    return 0;
}
