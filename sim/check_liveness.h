/* SPDX-License-Identifier: MIT */
/* check_liveness.h -- once a quorum is well again, it gets on: one leader, who stays, and
 * everything that was asked for is done.
 *
 * What is asked of a set of nodes (bit per id) that are up and connected, whatever the others do.
 */
#ifndef DECREE_SIM_CHECK_LIVENESS_H
#define DECREE_SIM_CHECK_LIVENESS_H

#include "workload.h"

/* Runs until the set has had one leader for steady_ns, without any change, and every client has
 * completed two operations since the call; fails the verdict when that takes longer than limit_ns.
 */
void liveness_settle(struct workload *workload, unsigned set, uint64_t steady_ns,
                     uint64_t limit_ns);

/* Asks who leads the set to let this member of it lead, again and again. Runs until all of the set
 * follow that one; fails the verdict when that takes longer than limit_ns. */
void liveness_hand_over(struct workload *workload, unsigned set, unsigned to, uint64_t limit_ns);

/* Runs until nobody waits for anything at the set and all of it has applied the same log, at least
 * up to slot; fails the verdict when that takes longer than limit_ns. Clients have been stopped. */
void liveness_drain(struct workload *workload, unsigned set, decree_slot slot, uint64_t limit_ns);

#endif
