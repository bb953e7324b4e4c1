/* SPDX-License-Identifier: MIT */
/* register_run.c -- the phases of a run. */
#include "register_run.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "register_clients.h"
#include "register_faults.h"

#define RUN_CALLS_MAX 1200u    /* of the safety phase: keeps a run short */
#define RUN_LIMIT_RETRIES 100u /* retransmission times in which everything must come right */
#define RUN_SERVED 3u          /* operations of each client */
#define SCRIPT_ROUNDS 12u
#define SCRIPT_DOWN_NS (700 * SIM_MILLISECOND)
#define SCRIPT_EVERY_NS SIM_SECOND

struct register_run {
    struct sim_options options;
    struct world world;
    struct verdict verdict;
    struct register_cluster cluster;
    struct register_clients clients;
    struct register_faults faults;
    uint64_t longest_wait_ns, longest_gap_ns;
};

static void run_for(struct register_run *run, uint64_t ns)
{
    if (!run->world.stopped)
        world_run_until(&run->world, run->world.now_ns + ns);
    if (run->verdict.failed)
        world_stop(&run->world);
}

static uint64_t retry_ns(const struct register_run *run)
{
    return register_cluster_retry_ns(&run->cluster);
}

static void fail_liveness(struct register_run *run, const char *expected)
{
    verdict_fail(&run->verdict, "register-liveness", run->world.now_ns,
                 "expected within %u retransmission times that %s; %u clients wait",
                 RUN_LIMIT_RETRIES, expected, register_clients_waiting(&run->clients));
    world_stop(&run->world);
}

/* --- conditions that have to come true --- */

static bool all_served(const struct register_run *run, const uint64_t *before)
{
    for (unsigned id = 1; id <= run->clients.client_count; id++)
        if (run->clients.client[id].completed < before[id] + RUN_SERVED)
            return false;
    return true;
}

static void settle(struct register_run *run, unsigned set)
{
    uint64_t before[SIM_CLIENTS_MAX + 1];

    for (unsigned id = 1; id <= run->clients.client_count; id++)
        before[id] = run->clients.client[id].completed;
    run->clients.calls_limit = UINT64_MAX;
    register_clients_start(&run->clients, set);
    for (unsigned i = 0; i < RUN_LIMIT_RETRIES && !run->world.stopped; i++) {
        run_for(run, retry_ns(run));
        if (all_served(run, before))
            return;
    }
    if (!run->world.stopped)
        fail_liveness(run, "every client is served");
}

static void drain(struct register_run *run)
{
    register_clients_stop(&run->clients);
    for (unsigned i = 0; i < RUN_LIMIT_RETRIES && !run->world.stopped; i++) {
        if (register_clients_waiting(&run->clients) == 0)
            return;
        run_for(run, retry_ns(run));
    }
    if (!run->world.stopped)
        fail_liveness(run, "nobody waits");
}

static void sweep(struct register_run *run, unsigned node)
{
    if (run->world.stopped)
        return;
    if (!register_clients_sweep(&run->clients, node))
        fail_liveness(run, "everything can be asked for");
    for (unsigned i = 0; i < RUN_LIMIT_RETRIES && !run->world.stopped; i++) {
        if (register_clients_swept(&run->clients))
            return;
        run_for(run, retry_ns(run));
    }
    if (!run->world.stopped)
        fail_liveness(run, "everything can be read");
}

/* --- phases --- */

static uint64_t quorum_or_majority(uint64_t quorum, uint64_t nodes)
{
    return quorum != 0 ? quorum : nodes / 2 + 1;
}

/* A random set that is just large enough, or larger. */
static unsigned draw_survivors(const struct register_run *run, struct prng *prng)
{
    const struct sim_options *options = &run->options;
    uint64_t prepare = quorum_or_majority(options->prepare_quorum, options->nodes);
    uint64_t vote = quorum_or_majority(options->vote_quorum, options->nodes);
    uint64_t count = draw_between(prng, prepare > vote ? prepare : vote, options->nodes);
    unsigned set = register_cluster_everyone(&run->cluster);

    for (uint64_t left = options->nodes; left > count; left--) {
        unsigned node;

        do
            node = (unsigned)draw_between(prng, 1, options->nodes);
        while ((set >> node & 1) == 0);
        set &= ~(1u << node);
    }
    return set;
}

static void run_phases(struct register_run *run)
{
    struct prng prng;
    unsigned survivors;

    prng_init(&prng, world_seed(&run->world, "survivors", 0));
    run->clients.calls_limit = RUN_CALLS_MAX;
    register_clients_start(&run->clients, register_cluster_everyone(&run->cluster));
    register_faults_start(&run->faults, &run->cluster);
    run_for(run, run->options.seconds);
    survivors = draw_survivors(run, &prng);
    register_faults_end(&run->faults, survivors);
    settle(run, survivors);
    drain(run);
}

/* Everything that was promised is still there after a power cut, whoever is asked. */
static void judge(struct register_run *run)
{
    unsigned everyone = register_cluster_everyone(&run->cluster);

    register_faults_end(&run->faults, everyone);
    sweep(run, 1);
    for (unsigned id = 1; id <= run->cluster.node_count && !run->world.stopped; id++)
        register_node_crash(register_cluster_node(&run->cluster, id));
    for (unsigned id = 1; id <= run->cluster.node_count && !run->world.stopped; id++)
        register_node_restart(register_cluster_node(&run->cluster, id));
    run_for(run, retry_ns(run));
    sweep(run, run->cluster.node_count);
    register_clients_check(&run->clients);
}

/* --- the script --- */

/* The minority that is down in this round: each node in turn is its first. */
static bool is_victim(const struct register_run *run, unsigned round, unsigned id)
{
    unsigned nodes = run->cluster.node_count, victims = (nodes - 1) / 2;

    return (id - 1 + nodes - round % nodes) % nodes < victims;
}

/* Every other minority hangs instead. Either way its clients turn to others. */
static unsigned kill_minority(struct register_run *run, unsigned round)
{
    unsigned left = register_cluster_everyone(&run->cluster);

    for (unsigned id = 1; id <= run->cluster.node_count; id++) {
        struct register_node *node = register_cluster_node(&run->cluster, id);

        if (!is_victim(run, round, id))
            continue;
        left &= ~(1u << id);
        if (round % 2 == 0) {
            register_node_crash(node);
            continue;
        }
        register_node_freeze(node);
        run->cluster.on_crash(run->cluster.context, id);
    }
    return left;
}

static void revive_all(struct register_run *run)
{
    for (unsigned id = 1; id <= run->cluster.node_count; id++) {
        struct register_node *node = register_cluster_node(&run->cluster, id);

        register_node_thaw(node);
        register_node_restart(node);
    }
}

static void measure(struct register_run *run)
{
    if (run->clients.longest_wait_ns > run->longest_wait_ns)
        run->longest_wait_ns = run->clients.longest_wait_ns;
    if (run->clients.longest_gap_ns > run->longest_gap_ns)
        run->longest_gap_ns = run->clients.longest_gap_ns;
}

static void run_script(struct register_run *run)
{
    unsigned everyone = register_cluster_everyone(&run->cluster);

    run->clients.calls_limit = UINT64_MAX;
    register_faults_start(&run->faults, &run->cluster);
    register_clients_start(&run->clients, everyone);
    run_for(run, SCRIPT_EVERY_NS);
    measure(run);
    for (unsigned round = 0; round < SCRIPT_ROUNDS && !run->world.stopped; round++) {
        register_clients_start(&run->clients, kill_minority(run, round));
        run_for(run, SCRIPT_DOWN_NS);
        revive_all(run);
        run_for(run, SCRIPT_EVERY_NS - SCRIPT_DOWN_NS);
        measure(run);
    }
    drain(run);
    if (run->longest_wait_ns > retry_ns(run) || run->longest_gap_ns > retry_ns(run))
        verdict_fail(&run->verdict, "register-gap", run->world.now_ns,
                     "an operation took %" PRIu64 " us, and between two answers were %" PRIu64
                     " us; expected at most one retransmission time, %" PRIu64 " us",
                     run->longest_wait_ns / 1000, run->longest_gap_ns / 1000, retry_ns(run) / 1000);
}

static void prepare_script(struct sim_options *options)
{
    options->nodes = 5;
    options->clients = 10;
    options->think = 10 * SIM_MILLISECOND;
    options->keys = REGISTER_KEYS_MAX;
}

const struct sim_scenario *register_scenario(void)
{
    static const struct sim_scenario scenario = {
        .name = "killed_in_turn",
        .text = "with --registers: minorities crash or hang in turn, and nobody waits",
        .prepare = prepare_script};

    return &scenario;
}

/* --- a run --- */

static void run_result(const struct register_run *run, struct register_run_result *ret_result)
{
    uint64_t versions = 0;

    for (uint64_t key = 0; key < run->clients.key_count; key++)
        versions += run->clients.histories[key].highest;
    *ret_result = (struct register_run_result){
        .common = {.verdict = run->verdict,
                   .digest = run->world.digest,
                   .events = run->world.happened,
                   .virtual_ns = run->world.now_ns,
                   .packets = run->cluster.network.delivered,
                   .operations = run->clients.count,
                   .acknowledged = run->clients.acknowledged,
                   .slots = versions,
                   .crashes = run->cluster.crashes,
                   .leaders = run->cluster.proposals.ballots},
        .longest_wait_ns = run->longest_wait_ns,
        .longest_gap_ns = run->longest_gap_ns,
        .retry_ns = retry_ns(run)};
}

void register_run(const struct sim_options *options, bool killed_in_turn, struct sim_trace *trace,
                  struct register_run_result *ret_result)
{
    struct register_run *run = calloc(1, sizeof(*run));

    assert(run != NULL);
    run->options = *options;
    world_init(&run->world, options->seed);
    register_cluster_init(&run->cluster, &run->world, &run->options, &run->verdict, trace);
    register_clients_init(&run->clients, &run->cluster);
    if (killed_in_turn)
        run_script(run);
    else
        run_phases(run);
    judge(run);
    run_result(run, ret_result);
    sim_trace_flush(trace);
    register_cluster_release(&run->cluster);
    register_clients_release(&run->clients);
    world_release(&run->world);
    free(run);
}
