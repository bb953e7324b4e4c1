/* SPDX-License-Identifier: MIT */
/* register_faults.h -- what goes wrong for nodes with registers, now and then, as the options say:
 * crashes, power cuts, freezes, slow disks, partitions, links that fall silent.
 *
 * Each kind of fault comes by itself and heals by itself. Most crashes come just after a node has
 * said something: that is when a promise, a vote or a ballot is most easily forgotten.
 */
#ifndef DECREE_SIM_REGISTER_FAULTS_H
#define DECREE_SIM_REGISTER_FAULTS_H

#include "register_node.h"

struct register_faults {
    struct register_cluster *cluster;
    struct prng prng;
    bool ended;
};

/* Sets the weather of the network; the faults begin to come. */
void register_faults_start(struct register_faults *faults, struct register_cluster *cluster);

/* Everything heals; nodes in the set start and thaw, those outside crash or are cut off and stay
 * so, until this is called with them in the set. */
void register_faults_end(struct register_faults *faults, unsigned set);

#endif
