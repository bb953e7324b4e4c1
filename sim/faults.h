/* SPDX-License-Identifier: MIT */
/* faults.h -- the nemesis: what goes wrong in the safety phase, now and then, as the options say.
 *
 * Each kind of fault comes by itself, at random times with the given mean between them, and heals
 * by itself. faults_end() heals everything at once, for the liveness phase.
 */
#ifndef DECREE_SIM_FAULTS_H
#define DECREE_SIM_FAULTS_H

#include "sim_cluster.h"

struct faults {
    struct sim_cluster *cluster;
    struct prng prng;
    bool ended;
};

/* cluster is borrowed. Sets the weather of the network and the moods of the disks. */
void faults_init(struct faults *faults, struct sim_cluster *cluster);

/* The faults begin to come. */
void faults_start(struct faults *faults);

/* Everything that is broken heals, on wires and disks; nodes in the set start and thaw. Those
 * outside are crashed, frozen or cut off, as a draw says, and stay so until faults_end() comes with
 * them in the set. */
void faults_end(struct faults *faults, unsigned set);

#endif
