/* SPDX-License-Identifier: MIT */
/* workload.c -- begin, offer, wait, go on.
 *
 * Keys are used up: the history of one is to stay short enough to be judged, and operations whose
 * outcome is unknown are what makes that hard.
 */
#include "workload.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"

#define WORKLOAD_KEYS_MAX 4000u
#define WORKLOAD_KEY_UNKNOWN_MAX 12u
#define WORKLOAD_RETRY_NS (4 * SIM_MILLISECOND)

struct workload_operation {
    struct operation operation; /* first */
    struct workload *workload;
    uint32_t key;
    uint64_t deadline_ns;
    bool taken; /* by a node: it may take effect */
};

static uint64_t now_of(const struct workload *workload)
{
    return workload->cluster->world->now_ns;
}

void workload_init(struct workload *workload, struct sim_cluster *cluster)
{
    const struct sim_options *options = cluster->options;

    memset(workload, 0, sizeof(*workload));
    workload->cluster = cluster;
    workload->stopped = true;
    workload->operations_limit = WORKLOAD_OPERATIONS_MAX;
    prng_init(&workload->prng, world_seed(cluster->world, "workload", 0));
    workload->client_count = (unsigned)options->clients;
    for (unsigned id = 1; id <= workload->client_count; id++)
        workload->clients[id] = (struct workload_client){.workload = workload, .id = id};
    workload->key_counts = calloc(WORKLOAD_KEYS_MAX, sizeof(uint32_t));
    workload->key_unknown = calloc(WORKLOAD_KEYS_MAX, sizeof(uint32_t));
    workload->key_count = (uint32_t)options->keys;
    workload->keys = calloc(workload->key_count, sizeof(uint32_t));
    assert(workload->key_counts != NULL && workload->key_unknown != NULL && workload->keys != NULL);
    for (uint32_t i = 0; i < workload->key_count; i++)
        workload->keys[i] = i;
}

void workload_release(struct workload *workload)
{
    for (size_t i = 0; i < workload->count; i++)
        free(workload->operations[i]);
    free(workload->operations);
    free(workload->key_counts);
    free(workload->key_unknown);
    free(workload->keys);
    memset(workload, 0, sizeof(*workload));
}

static bool key_is_used_up(const struct workload *workload, uint32_t key)
{
    return workload->key_counts[key] >= LINEARIZABILITY_OPERATIONS_MAX ||
           workload->key_unknown[key] >= WORKLOAD_KEY_UNKNOWN_MAX;
}

static uint32_t workload_pick_key(struct workload *workload)
{
    uint32_t *key = &workload->keys[prng_below(&workload->prng, workload->key_count)];

    while (key_is_used_up(workload, *key)) {
        *key += workload->key_count; /* keys in use stay apart */
        assert(*key < WORKLOAD_KEYS_MAX);
    }
    return *key;
}

static struct workload_operation *workload_add(struct workload *workload)
{
    struct workload_operation *operation = calloc(1, sizeof(*operation));

    if (workload->count == workload->capacity) {
        workload->capacity = workload->capacity == 0 ? 256 : 2 * workload->capacity;
        workload->operations = realloc(workload->operations,
                                       workload->capacity * sizeof(struct workload_operation *));
    }
    assert(operation != NULL && workload->operations != NULL);
    workload->operations[workload->count++] = operation;
    operation->workload = workload;
    operation->operation.number = workload->count;
    return operation;
}

static void client_next(void *context, uint64_t turn, void *memory);

static void client_think(struct workload_client *client)
{
    struct workload *workload = client->workload;
    uint64_t think_ns = workload->cluster->options->think;

    client->waiting = NULL;
    client->turn++;
    world_at(workload->cluster->world,
             now_of(workload) + draw_between(&workload->prng, 0, 2 * think_ns), client_next, client,
             client->turn, NULL);
}

static void client_completed(struct workload_client *client, const struct operation *operation)
{
    uint64_t begun_ns = client->last_completed_ns != 0 ? client->last_completed_ns
                                                       : operation->called_ns;
    uint64_t wait_ns = operation->returned_ns - begun_ns;

    if (wait_ns > client->longest_wait_ns)
        client->longest_wait_ns = wait_ns;
    client->last_completed_ns = operation->returned_ns;
    client->completed++;
}

/* The completion of a proposal or a read; node and engine are those that took it. */
static void operation_done(void *argument, int error, decree_slot slot, void *result)
{
    struct workload_operation *one = argument;
    struct operation *operation = &one->operation;
    struct workload *workload = one->workload;
    struct sim_cluster *cluster = workload->cluster;
    struct workload_client *client = &workload->clients[operation->client];

    assert(operation->outcome == OUTCOME_UNKNOWN);
    if (error != 0) {
        if (client->waiting == one)
            client_think(client);
        return;
    }
    operation->outcome = OUTCOME_DONE;
    operation->returned = ++workload->moments;
    operation->returned_ns = now_of(workload);
    workload->acknowledged++;
    if (operation->kind == OPERATION_SWAP)
        operation->seen = *(const uint64_t *)result;
    if (operation->kind == OPERATION_READ)
        operation->seen = registers_read(&sim_cluster_node(cluster, operation->node)->registers,
                                         one->key);
    else
        durability_on_acknowledged(&cluster->durability, now_of(workload), operation->number, slot);
    if (client->waiting != one)
        return;
    client_completed(client, operation);
    client_think(client);
}

static int operation_offer(struct workload_operation *one)
{
    const struct operation *operation = &one->operation;
    struct workload *workload = one->workload;
    struct sim_node *node = sim_cluster_node(workload->cluster, operation->node);
    struct registers_command command = {.operation = operation->number,
                                        .kind = operation->kind,
                                        .key = one->key,
                                        .value = operation->written};
    struct decree_value *value;
    int error;

    if (operation->kind == OPERATION_READ)
        return sim_node_read(node, operation_done, one);
    value = registers_encode(
        &command,
        (uint32_t)draw_between(&workload->prng, 0, workload->cluster->options->value_bytes));
    error = sim_node_propose(node, value, operation_done, one);
    decree_value_unref(value);
    return error;
}

static unsigned client_pick_node(struct workload_client *client)
{
    struct workload *workload = client->workload;
    unsigned node;

    if (client->pinned != 0)
        return client->pinned;
    if (client->node != 0 && (workload->nodes >> client->node & 1) != 0 &&
        prng_below(&workload->prng, 8) != 0)
        return client->node;
    do
        node = (unsigned)draw_between(&workload->prng, 1, workload->cluster->node_count);
    while ((workload->nodes >> node & 1) == 0);
    return node;
}

static void client_offer(struct workload_client *client)
{
    struct workload_operation *one = client->waiting;

    one->operation.node = client->node = client_pick_node(client);
    if (operation_offer(one) == 0) {
        one->taken = true;
        return;
    }
    client->node = 0;
}

/* Comes by again and again while an operation waits: offers it if nobody has taken it, gives it up
 * in time. */
static void client_poll(void *context, uint64_t turn, void *memory)
{
    struct workload_client *client = context;
    struct workload *workload = client->workload;
    struct workload_operation *one = client->waiting;
    struct world *world = workload->cluster->world;

    (void)memory;
    if (turn != client->turn || one == NULL)
        return;
    if (world->now_ns >= one->deadline_ns) {
        if (one->taken)
            workload->key_unknown[one->key]++;
        else
            one->operation.outcome = OUTCOME_NOTHING;
        client->node = 0;
        client_think(client);
        return;
    }
    if (!one->taken)
        client_offer(client);
    world_at(world, one->taken ? one->deadline_ns : world->now_ns + WORKLOAD_RETRY_NS, client_poll,
             client, turn, NULL);
}

static void client_next(void *context, uint64_t turn, void *memory)
{
    struct workload_client *client = context;
    struct workload *workload = client->workload;
    const struct sim_options *options = workload->cluster->options;
    struct workload_operation *one;

    (void)memory;
    if (turn != client->turn || workload->stopped || workload->count >= workload->operations_limit)
        return;
    one = workload_add(workload);
    one->key = workload_pick_key(workload);
    workload->key_counts[one->key]++;
    one->deadline_ns = now_of(workload) + options->timeout;
    one->operation.client = client->id;
    one->operation.called = ++workload->moments;
    one->operation.called_ns = now_of(workload);
    one->operation.kind = prng_chance(&workload->prng, (uint32_t)options->reads) ? OPERATION_READ
                          : prng_below(&workload->prng, 2) == 0                  ? OPERATION_PUT
                                                                                 : OPERATION_SWAP;
    one->operation.written = one->operation.kind != OPERATION_READ ? one->operation.number : 0;
    client->waiting = one;
    client_poll(client, turn, NULL);
}

void workload_start(struct workload *workload, unsigned nodes)
{
    assert((nodes & sim_cluster_everyone(workload->cluster)) == nodes);
    assert(nodes != 0);
    workload->nodes = nodes;
    workload->stopped = false;
    broadcasts_start(&workload->cluster->broadcasts, nodes);
    for (unsigned id = 1; id <= workload->client_count; id++)
        if (workload->clients[id].waiting == NULL)
            client_think(&workload->clients[id]);
}

void workload_pin(struct workload *workload, unsigned client, unsigned node)
{
    assert(client >= 1 && client <= workload->client_count);
    assert(node <= workload->cluster->node_count);
    workload->clients[client].pinned = node;
}

void workload_stop(struct workload *workload)
{
    workload->stopped = true;
    broadcasts_stop(&workload->cluster->broadcasts);
}

unsigned workload_waiting(const struct workload *workload)
{
    unsigned waiting = 0;

    for (unsigned id = 1; id <= workload->client_count; id++)
        waiting += workload->clients[id].waiting != NULL;
    return waiting;
}

static void workload_check_key(struct workload *workload, uint32_t key,
                               const struct operation **operations)
{
    size_t count = 0;

    for (size_t i = 0; i < workload->count; i++)
        if (workload->operations[i]->key == key)
            operations[count++] = &workload->operations[i]->operation;
    assert(count == workload->key_counts[key]);
    linearizability_check(workload->cluster->verdict, now_of(workload), key, operations, count);
}

void workload_check(struct workload *workload)
{
    const struct operation *operations[LINEARIZABILITY_OPERATIONS_MAX];

    for (uint32_t key = 0; key < WORKLOAD_KEYS_MAX; key++)
        if (workload->key_counts[key] > 0)
            workload_check_key(workload, key, operations);
}
