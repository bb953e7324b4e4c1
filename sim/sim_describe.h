/* SPDX-License-Identifier: MIT */
/* sim_describe.h -- messages and events of the core in a few characters, for the columns of the
 * trace.
 */
#ifndef DECREE_SIM_DESCRIBE_H
#define DECREE_SIM_DESCRIBE_H

#include <decree/paxos.h>

/* "p2a 5..9", "p1a 3.n1", "heartbeat 17". */
void sim_describe_message(char *text, size_t size, const struct decree_message *message);

/* True if both print the same, whoever they go to. */
bool sim_describe_alike(const struct decree_message *a, const struct decree_message *b);

/* "adopted 3.n1 from 8", "decided 9". */
void sim_describe_trace(char *text, size_t size, const struct decree_trace *trace);

/* "*" for everyone, else "2,3"; set and everyone have a bit per node. */
void sim_describe_set(char *text, size_t size, unsigned set, unsigned everyone);

#endif
