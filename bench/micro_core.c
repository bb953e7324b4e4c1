/* SPDX-License-Identifier: MIT */
/* micro_core.c -- decrees per second through the bare core: three nodes in one process and one
 * thread.
 *
 *     micro_core [SECONDS [BATCH [SIZE]]]
 *
 * Node 1 leads and proposes BATCH values of SIZE bytes, then every node takes turns until all of
 * them have handed out the decisions (the followers' last batch is told to them by a timer, at the
 * end). Messages pass by reference, the journal persists at once: what is measured is the protocol
 * and nothing else. Prints one line: batch, size, decrees per second, CPU microseconds per decree
 * for all three nodes together.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <decree/paxos.h>

#define NODES 3u
#define MS_NS UINT64_C(1000000)

struct world {
    struct decree_paxos *cores[NODES];
    struct decree_effects effects[NODES];
    decree_slot decided[NODES];
    uint64_t now_ns;
};

static void step(struct world *world, uint32_t node, struct decree_event *event)
{
    event->now_ns = world->now_ns;
    if (decree_paxos_step(world->cores[node], event) != 0) {
        fprintf(stderr, "micro_core: a step failed\n");
        exit(1);
    }
}

/* Delivers what the nodes have handed out to their peers and to their journals. */
static bool deliver(struct world *world)
{
    bool moved = false;

    for (uint32_t node = 0; node < NODES; node++) {
        struct decree_effects effects;

        decree_paxos_take(world->cores[node], &effects);
        world->decided[node] += effects.decision_count;
        for (uint32_t i = 0; i < effects.message_count; i++) {
            struct decree_event event = {.type = DECREE_EVENT_MESSAGE,
                                         .u.message = effects.messages[i]};

            step(world, effects.messages[i].to - 1, &event);
        }
        if (effects.sync_lsn > 0) {
            struct decree_event event = {.type = DECREE_EVENT_PERSISTED,
                                         .u.persisted = effects.sync_lsn};

            step(world, node, &event);
        }
        moved = moved || effects.message_count > 0 || effects.sync_lsn > 0;
    }
    return moved;
}

/* A millisecond passes. */
static void tick(struct world *world)
{
    world->now_ns += MS_NS;
    for (uint32_t node = 0; node < NODES; node++)
        step(world, node, &(struct decree_event){.type = DECREE_EVENT_WAKE});
    while (deliver(world)) {}
}

static void elect(struct world *world)
{
    struct decree_status status = {0};

    for (int i = 0; i < 10000 && !status.leading; i++) {
        world->now_ns += MS_NS;
        for (uint32_t node = 0; node < (status.leader == 0 && i < 5000 ? 1 : NODES); node++)
            step(world, node, &(struct decree_event){.type = DECREE_EVENT_WAKE});
        while (deliver(world)) {}
        decree_paxos_status(world->cores[0], &status);
    }
    assert(status.leading);
}

static double cpu_seconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void propose(struct world *world, uint32_t batch, const uint8_t *data, uint32_t size)
{
    decree_slot target = world->decided[0] + batch;

    for (uint32_t i = 0; i < batch; i++) {
        struct decree_value *value = decree_value_copy(data, size);

        step(world, 0, &(struct decree_event){.type = DECREE_EVENT_PROPOSE, .u.propose = value});
        decree_value_unref(value);
    }
    while (world->decided[0] < target) /* the others learn it from the next p2a */
        deliver(world);
}

int main(int argc, char **argv)
{
    static const decree_node_id members[NODES] = {1, 2, 3};
    static uint8_t data[1 << 20];
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
    uint32_t batch = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 128;
    uint32_t size = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 256;
    struct world world = {.now_ns = MS_NS};
    double start, used;
    uint64_t count = 0;

    for (uint32_t node = 0; node < NODES; node++) {
        struct decree_config config = {
            .self = node + 1, .members = members, .member_count = NODES, .seed = node + 1};

        if (batch == 0 || batch > 4096 || size > sizeof(data) ||
            decree_paxos_open(&world.cores[node], &config) != 0)
            return 64;
        step(&world, node, &(struct decree_event){.type = DECREE_EVENT_START});
    }
    elect(&world);
    start = cpu_seconds();
    do {
        for (uint64_t end = count + 8192; count < end;
             count += batch) /* asking for the time is dear */
            propose(&world, batch, data, size);
        used = cpu_seconds() - start;
    } while (used < seconds);
    while (world.decided[1] < world.decided[0] || world.decided[2] < world.decided[0])
        tick(&world);
    printf("batch %u size %u decrees/s %.0f cpu_us/decree %.3f\n", batch, size,
           (double)count / used, used * 1e6 / (double)count);
    for (uint32_t node = 0; node < NODES; node++)
        decree_paxos_close(world.cores[node]);
    return 0;
}
