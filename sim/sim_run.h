/* SPDX-License-Identifier: MIT */
/* sim_run.h -- one run: a world with a cluster in it, clients, faults and checkers, from a seed or
 * a scenario.
 *
 *     safety: everything may fail
 *     liveness: a quorum is well, and has to get on
 *     judgement: the rest returns, all restart, and what was promised is there
 */
#ifndef DECREE_SIM_RUN_H
#define DECREE_SIM_RUN_H

#include "check_liveness.h"
#include "faults.h"
#include "workload.h"

struct sim_run {
    struct sim_options options;
    struct world world;
    struct verdict verdict;
    struct sim_trace *trace;
    struct sim_cluster cluster;
    struct workload workload;
    struct faults faults;
};

struct sim_result {
    struct verdict verdict;
    uint64_t digest; /* equal for equal runs */
    uint64_t events, virtual_ns, packets, operations, acknowledged, slots, crashes, leaders;
};

struct sim_scenario {
    const char *name, *text;
    void (*prepare)(struct sim_options *options); /* over the calm ones */
    void (*script)(struct sim_run *run);          /* fails run->verdict */
};

/* A table that ends with a NULL name. */
const struct sim_scenario *sim_scenarios(void);

/* NULL: no such scenario. */
const struct sim_scenario *sim_scenario_find(const char *name);

/* Runs what sim_options_check() has no objection to: random faults, or the scenario if given. trace
 * is borrowed. */
void sim_run(const struct sim_options *options, const struct sim_scenario *scenario,
             struct sim_trace *trace, struct sim_result *ret_result);

/* For scripts: virtual time goes on. */
void sim_run_for(struct sim_run *run, uint64_t ns);

/* For scripts: a failure with this text unless the condition holds. */
__attribute__((format(printf, 3, 4))) void sim_run_expect(struct sim_run *run, bool condition,
                                                          const char *format, ...);

#endif
