/* SPDX-License-Identifier: MIT */
/* test_stress.c -- small worlds at random: many short lives of a few cores, each from one seed.
 *
 * First everything may happen: messages are lost, copied and reordered, the disk is slow, nodes
 * crash and lose what was not synced, links are cut, the clock jumps. The rules of cores.c judge
 * each effect. Then the world heals, and within seconds all nodes must have decided all that is
 * still wanted, and every read must be answered.
 *
 * A failure prints its seed: `test_stress SEED [SEED]` runs that seed alone, or all from the first
 * to the last.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cores.h"
#include "prng.h"

#define ACTIONS 1500u
#define SEEDS_DEFAULT 400u

struct life {
    struct cores cores;
    struct prng prng;
    uint64_t names;          /* of commands and reads */
    uint32_t step_ms;        /* how fast time goes */
    uint32_t loss, disorder; /* of messages, in percent */
};

static uint32_t pick(struct life *life, uint32_t bound)
{
    return (uint32_t)prng_below(&life->prng, bound);
}

static void choose_quorums(struct life *life, uint32_t count, struct decree_config *config)
{
    if (pick(life, 2) == 0)
        return;
    config->prepare_quorum = 1 + pick(life, count);
    config->vote_quorum = count + 1 - config->prepare_quorum;
    if (config->vote_quorum < count)
        config->vote_quorum += pick(life, 2);
}

static void begin(struct life *life, uint64_t seed)
{
    static const uint32_t counts[] = {3, 3, 3, 5, 2, 4, 1};
    struct decree_config config = {.log_slots_max = 16,
                                   .proposals_max = 64,
                                   .reads_max = 16,
                                   .heartbeat_every_ns = 20 * CORES_MS,
                                   .suspect_after_ns = 100 * CORES_MS,
                                   .seed = seed};
    uint32_t count;

    *life = (struct life){.names = 0};
    prng_init(&life->prng, seed);
    count = counts[pick(life, 7)];
    life->step_ms = 2 + pick(life, 20);
    life->loss = pick(life, 3) * pick(life, 12);
    life->disorder = pick(life, 3) * pick(life, 20);
    config.log_slots_max <<= pick(life, 4);
    config.message_bytes_max = 1 + pick(life, 60);
    config.log_bytes_max = pick(life, 2) == 0 ? 0 : 1 + pick(life, 200);
    config.proposal_bytes_max = pick(life, 2) == 0 ? 0 : 10 + pick(life, 200);
    choose_quorums(life, count, &config);
    cores_init(&life->cores, count, &config);
    life->cores.lazy = pick(life, 2) == 0;
    for (decree_node_id id = 1; id <= count; id++)
        if (cores_start(&life->cores, id) != 0)
            abort();
}

static void move_one(struct life *life, decree_node_id from, decree_node_id to)
{
    struct cores *cores = &life->cores;
    struct cores_link *link = &cores->links[from - 1][to - 1];
    uint32_t place = pick(life, 100) < life->disorder ? pick(life, link->count) : 0;

    if (cores->nodes[to - 1].core == NULL || pick(life, 100) < life->loss)
        cores_drop(cores, from, to, place);
    else if (pick(life, 100) < life->loss && link->count < 200)
        cores_copy(cores, from, to, place);
    else
        (void)cores_deliver(cores, from, to, place);
}

/* Some of what is on the way to one node. */
static void move_messages(struct life *life)
{
    struct cores *cores = &life->cores;
    decree_node_id to = 1 + pick(life, cores->count);
    uint32_t count = 1 + pick(life, 8);

    for (decree_node_id from = 1; from <= cores->count; from++)
        for (uint32_t i = 0; i < count && cores->links[from - 1][to - 1].count > 0; i++)
            move_one(life, from, to);
}

/* Several events, and only then a take. */
static void burst(struct life *life, decree_node_id to)
{
    struct cores *cores = &life->cores;

    for (uint32_t i = 0; i < 6; i++) {
        decree_node_id from = 1 + pick(life, cores->count);
        struct cores_link *link = &cores->links[from - 1][to - 1];
        struct decree_event event = {.type = DECREE_EVENT_WAKE};

        if (pick(life, 3) != 0 && link->count > 0) {
            event.type = DECREE_EVENT_MESSAGE;
            event.u.message = link->messages[pick(life, link->count)];
        }
        (void)cores_offer(cores, to, &event);
    }
    cores_take(cores, to);
}

static void propose(struct life *life, decree_node_id id)
{
    char text[32];

    snprintf(text, sizeof(text), "%llu%.*s", (unsigned long long)++life->names, (int)pick(life, 12),
             "............");
    (void)cores_propose(&life->cores, id, text);
}

static void persist(struct life *life, decree_node_id id)
{
    const struct cores_journal *journal = &cores_node(&life->cores, id)->journal;
    uint64_t open = journal->count - journal->synced;

    if (open > 0)
        cores_persist(&life->cores, id,
                      pick(life, 3) == 0 ? journal->synced + 1 + pick(life, (uint32_t)open) : 0);
}

static void crash_or_start(struct life *life, decree_node_id id)
{
    struct cores_node *node = cores_node(&life->cores, id);

    if (node->core == NULL) {
        int error = cores_start(&life->cores, id);

        if (error != 0)
            snprintf(life->cores.failure, sizeof(life->cores.failure), "node %u does not start: %d",
                     id, error);
    } else if (pick(life, 4) == 0) {
        uint64_t open = node->journal.count - node->journal.synced;

        cores_crash(&life->cores, id, node->journal.synced + pick(life, (uint32_t)open + 1));
    }
}

static void pass_time(struct life *life)
{
    struct cores *cores = &life->cores;

    cores->now_ns += (pick(life, 60) == 0 ? 90 : pick(life, life->step_ms)) * CORES_MS;
    for (decree_node_id id = 1; id <= cores->count; id++)
        if (cores_node(cores, id)->core != NULL &&
            cores_node(cores, id)->wake_at_ns <= cores->now_ns && pick(life, 5) != 0)
            cores_wake(cores, id);
}

/* One link; or all links of one node, either way; or all of them are whole again. */
static void cut_or_mend(struct life *life)
{
    struct cores *cores = &life->cores;
    uint32_t one = pick(life, cores->count), other = pick(life, cores->count);
    uint32_t kind = pick(life, 4);

    if (kind == 0)
        cores->links[one][other].cut = true;
    for (uint32_t i = 0; i < cores->count && kind == 1; i++)
        cores->links[one][i].cut = cores->links[i][one].cut = true;
    for (uint32_t i = 0; i < cores->count * cores->count && kind > 1; i++)
        cores->links[i / cores->count][i % cores->count].cut = false;
}

static void act(struct life *life)
{
    struct cores *cores = &life->cores;
    decree_node_id id = 1 + pick(life, cores->count);
    struct cores_node *node = cores_node(cores, id);
    uint32_t action = pick(life, 100);

    if (action < 45)
        move_messages(life);
    else if (action < 65)
        pass_time(life);
    else if (action < 66)
        cut_or_mend(life);
    else if (action < 68 || node->core == NULL)
        crash_or_start(life, id);
    else if (action < 82)
        persist(life, id);
    else if (action < 92)
        propose(life, id);
    else if (action < 95 && node->read_count < 200)
        (void)cores_read(cores, id, ++life->names);
    else if (action < 97 && node->fetch_count > 0)
        (void)cores_fetch(cores, id);
    else
        burst(life, id);
}

static void heal(struct life *life)
{
    struct cores *cores = &life->cores;

    for (decree_node_id id = 1; id <= cores->count; id++) {
        for (uint32_t i = 0; i < cores->count; i++)
            cores->links[id - 1][i].cut = false;
        if (cores_node(cores, id)->core == NULL)
            crash_or_start(life, id);
    }
}

/* Leaves one node dead for good, if a quorum of both kinds can do without. */
static decree_node_id bury(struct life *life)
{
    struct cores *cores = &life->cores;
    struct decree_config *config = &cores->config;
    uint32_t majority = cores->count / 2 + 1;
    uint32_t prepare = config->prepare_quorum == 0 ? majority : config->prepare_quorum;
    uint32_t vote = config->vote_quorum == 0 ? majority : config->vote_quorum;
    decree_node_id id = 1 + pick(life, cores->count);

    if (prepare == cores->count || vote == cores->count || pick(life, 2) == 0)
        return 0;
    if (cores_node(cores, id)->core != NULL)
        cores_crash(cores, id, 0);
    return id;
}

static bool is_done(const struct life *life)
{
    const struct cores *cores = &life->cores;

    for (decree_node_id id = 1; id <= cores->count; id++) {
        const struct cores_node *node = &cores->nodes[id - 1];

        if (node->core == NULL)
            continue;
        if (node->delivered != cores->decided_count || cores_status(cores, id).proposals > 0)
            return false;
        for (uint32_t i = 0; i < node->read_count; i++)
            if (!node->reads[i].answered)
                return false;
    }
    return true;
}

static void expect_progress(struct life *life)
{
    struct cores *cores = &life->cores;
    uint64_t end_ns = cores->now_ns + 8000 * CORES_MS;
    decree_node_id dead;

    heal(life);
    dead = bury(life);
    for (decree_node_id id = 1; id <= cores->count; id++)
        if (id != dead && cores_node(cores, id)->read_count < 250)
            (void)cores_read(cores, id, ++life->names);
    while (cores->failure[0] == '\0' && cores->now_ns < end_ns && !is_done(life))
        cores_run(cores, 50 * CORES_MS);
    if (cores->failure[0] == '\0' && !is_done(life))
        snprintf(cores->failure, sizeof(cores->failure),
                 "no progress: decided %llu, node %u buried",
                 (unsigned long long)cores->decided_count, dead);
}

static void tell(const struct life *life, uint64_t seed)
{
    const struct cores *cores = &life->cores;

    printf("seed %llu: %s\n", (unsigned long long)seed, cores->failure);
    for (decree_node_id id = 1; id <= cores->count; id++) {
        struct decree_status s = cores_status(cores, id);

        printf("  node %u: %s leader %u promised %llu.%u decided %llu accepted %llu proposals %u\n",
               id,
               cores->nodes[id - 1].core == NULL ? "down"
               : s.leading                       ? "leads"
                                                 : "up",
               s.leader, (unsigned long long)s.promised.round, s.promised.node,
               (unsigned long long)s.decided, (unsigned long long)s.accepted, s.proposals);
    }
}

/* Returns how many slots were decided; exits when a rule was broken. */
static uint64_t live(uint64_t seed)
{
    struct life *life = malloc(sizeof(*life));
    uint64_t decided;

    assert(life != NULL);
    begin(life, seed);
    for (uint32_t i = 0; i < ACTIONS && life->cores.failure[0] == '\0'; i++)
        act(life);
    if (life->cores.failure[0] == '\0')
        expect_progress(life);
    if (life->cores.failure[0] != '\0') {
        tell(life, seed);
        exit(1);
    }
    decided = life->cores.decided_count;
    cores_release(&life->cores);
    free(life);
    return decided;
}

int main(int argc, char **argv)
{
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t last = argc > 2 ? strtoull(argv[2], NULL, 10) : argc > 1 ? first : SEEDS_DEFAULT;
    uint64_t decided = 0;

    for (uint64_t seed = first; seed <= last; seed++)
        decided += live(seed);
    printf("seeds %llu to %llu: %llu slots decided\n", (unsigned long long)first,
           (unsigned long long)last, (unsigned long long)decided);
    return decided > 0 ? 0 : 1;
}
