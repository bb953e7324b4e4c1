/* SPDX-License-Identifier: MIT */
/* sim_run.c -- the phases of a run. */
#include "sim_run.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"

#define RUN_STEADY_ELECTIONS 4u  /* how long a leader must stay */
#define RUN_LIMIT_ELECTIONS 80u  /* in which everything must come right */
#define RUN_OPERATIONS_MAX 1500u /* of the safety phase: keeps a run short */

void sim_run_for(struct sim_run *run, uint64_t ns)
{
    world_run_until(&run->world, run->world.now_ns + ns);
}

void sim_run_expect(struct sim_run *run, bool condition, const char *format, ...)
{
    char text[VERDICT_TEXT_MAX];
    va_list arguments;

    if (condition || run->world.stopped)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    verdict_fail(&run->verdict, "scenario", run->world.now_ns, "expected %s", text);
    world_stop(&run->world);
}

static void run_open(struct sim_run *run, const struct sim_options *options,
                     struct sim_trace *trace)
{
    memset(run, 0, sizeof(*run));
    run->options = *options;
    run->trace = trace;
    world_init(&run->world, options->seed);
    sim_cluster_init(&run->cluster, &run->world, &run->options, &run->verdict, trace);
    workload_init(&run->workload, &run->cluster);
    faults_init(&run->faults, &run->cluster);
}

static void run_close(struct sim_run *run)
{
    sim_cluster_release(&run->cluster);
    workload_release(&run->workload);
    world_release(&run->world);
}

static uint64_t quorum_or_majority(uint64_t quorum, uint64_t nodes)
{
    return quorum != 0 ? quorum : nodes / 2 + 1;
}

static unsigned draw_member(struct prng *prng, unsigned set)
{
    unsigned id;

    assert(set != 0);
    do
        id = (unsigned)draw_between(prng, 1, SIM_NODES_MAX);
    while ((set >> id & 1) == 0);
    return id;
}

/* Everyone, or a random set that is just large enough, or something in between. */
static unsigned run_draw_survivors(struct sim_run *run, struct prng *prng)
{
    const struct sim_options *options = &run->options;
    uint64_t prepare = quorum_or_majority(options->prepare_quorum, options->nodes);
    uint64_t vote = quorum_or_majority(options->vote_quorum, options->nodes);
    uint64_t least = prepare > vote ? prepare : vote;
    uint64_t count = prng_below(prng, 2) == 0 ? options->nodes
                                              : draw_between(prng, least, options->nodes);
    unsigned set = sim_cluster_everyone(&run->cluster);

    for (uint64_t left = options->nodes; left > count; left--)
        set &= ~(1u << draw_member(prng, set));
    return set;
}

static uint64_t run_limit(const struct sim_run *run)
{
    return RUN_LIMIT_ELECTIONS * run->options.election + 4 * run->options.stall_time +
           2 * run->options.timeout;
}

/* All come back, all restart without power in between, and everything that was promised is still
 * there. */
static void run_judge(struct sim_run *run)
{
    unsigned everyone = sim_cluster_everyone(&run->cluster);

    workload_stop(&run->workload);
    faults_end(&run->faults, everyone);
    liveness_drain(&run->workload, everyone, run->cluster.agreement.highest, run_limit(run));
    broadcasts_check_validity(&run->cluster.broadcasts, everyone);
    for (unsigned id = 1; id <= run->cluster.node_count && !run->world.stopped; id++)
        sim_node_crash(sim_cluster_node(&run->cluster, id), true);
    for (unsigned id = 1; id <= run->cluster.node_count && !run->world.stopped; id++)
        sim_node_restart(sim_cluster_node(&run->cluster, id));
    liveness_drain(&run->workload, everyone, run->cluster.agreement.highest, run_limit(run));
    for (unsigned id = 1; id <= run->cluster.node_count && !run->verdict.failed; id++)
        durability_finish(&run->cluster.durability, run->world.now_ns, id);
    broadcasts_finish(&run->cluster.broadcasts);
    workload_check(&run->workload);
}

static void run_phases(struct sim_run *run)
{
    struct prng prng;
    unsigned survivors;

    prng_init(&prng, world_seed(&run->world, "survivors", 0));
    run->workload.operations_limit = RUN_OPERATIONS_MAX;
    workload_start(&run->workload, sim_cluster_everyone(&run->cluster));
    faults_start(&run->faults);
    sim_run_for(run, run->options.seconds);
    survivors = run_draw_survivors(run, &prng);
    faults_end(&run->faults, survivors);
    run->workload.operations_limit = WORKLOAD_OPERATIONS_MAX;
    workload_start(&run->workload, survivors);
    liveness_settle(&run->workload, survivors, RUN_STEADY_ELECTIONS * run->options.election,
                    run_limit(run));
    liveness_hand_over(&run->workload, survivors, draw_member(&prng, survivors), run_limit(run));
    workload_stop(&run->workload);
    liveness_drain(&run->workload, survivors, 0, run_limit(run));
    broadcasts_check_validity(&run->cluster.broadcasts, survivors);
    run_judge(run);
}

static void run_result(const struct sim_run *run, struct sim_result *ret_result)
{
    *ret_result = (struct sim_result){
        .verdict = run->verdict,
        .digest = run->world.digest,
        .events = run->world.happened,
        .virtual_ns = run->world.now_ns,
        .packets = run->cluster.network.delivered,
        .operations = run->workload.count,
        .acknowledged = run->workload.acknowledged,
        .slots = run->cluster.agreement.highest,
        .crashes = run->cluster.crashes,
        .leaders = run->cluster.ballots.adopted,
    };
}

void sim_run(const struct sim_options *options, const struct sim_scenario *scenario,
             struct sim_trace *trace, struct sim_result *ret_result)
{
    struct sim_run *run = malloc(sizeof(*run));

    assert(run != NULL);
    run_open(run, options, trace);
    if (scenario == NULL) {
        run_phases(run);
    } else {
        scenario->script(run);
        run_judge(run);
    }
    run_result(run, ret_result);
    sim_trace_flush(trace);
    run_close(run);
    free(run);
}
