/* SPDX-License-Identifier: MIT */
/* message_table.h -- what checkers of broadcast remember: a number for a message, for each of several
 * observers.
 */
#ifndef DECREE_SIM_MESSAGE_TABLE_H
#define DECREE_SIM_MESSAGE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct message_name { /* who broadcast it, in which life, as which of its messages */
    uint64_t origin, incarnation, sequence;
};

struct message_entry;

struct message_table {
    struct message_entry *entries; /* open addressing; capacity is a power of two */
    uint64_t count, capacity;
};

void message_table_init(struct message_table *table);
void message_table_release(struct message_table *table);

/* The number kept for the message as that observer knows it, 0 at first. Valid until the next call. */
uint64_t *message_table_at(struct message_table *table, uint64_t observer,
                           const struct message_name *name);

#endif
