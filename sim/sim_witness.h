/* SPDX-License-Identifier: MIT */
/* sim_witness.h -- the hooks that a node of the simulator gives to its engine; context is the
 * struct sim_node.
 */
#ifndef DECREE_SIM_WITNESS_H
#define DECREE_SIM_WITNESS_H

#include "sim_cluster.h"

void sim_witness_decision(void *context, decree_slot slot, const struct decree_command *command);

/* The machine: applies to the node's registers; returns what the register held before. */
void *sim_witness_apply(void *context, decree_slot slot, const uint8_t *data, uint32_t size);

void sim_witness_trouble(void *context, int system_errno, const char *what);
void sim_witness_trace(void *context, const struct decree_trace *trace);

#endif
