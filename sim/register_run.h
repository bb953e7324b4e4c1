/* SPDX-License-Identifier: MIT */
/* register_run.h -- one run of registers in a virtual world, from a seed: as sim_run.h is for the
 * log.
 *
 *     safety: everything may fail
 *     liveness: a quorum is well, and every client has to be served
 *     judgement: the rest returns, all restart, everything is read once more
 *
 * And one script, killed in turn: minorities of the nodes crash or hang one after the other, under load, on
 * a network that is well; no operation waits longer than one retransmission time.
 */
#ifndef DECREE_SIM_REGISTER_RUN_H
#define DECREE_SIM_REGISTER_RUN_H

#include "sim_run.h"

struct register_run_result {
    struct sim_result common; /* slots: versions seen; leaders: ballots used */
    /* Of a set, get or compare-and-set whose node lived, while the script killed others. */
    uint64_t longest_wait_ns;
    uint64_t longest_gap_ns; /* between two answers, to whatever client, meanwhile */
    uint64_t retry_ns;       /* what both are held against */
};

/* The script as a scenario, for its name and options. */
const struct sim_scenario *register_scenario(void);

/* Runs what sim_options_check() has no objection to: random faults, or the script. */
void register_run(const struct sim_options *options, bool killed_in_turn, struct sim_trace *trace,
                  struct register_run_result *ret_result);

#endif
