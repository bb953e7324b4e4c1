/* SPDX-License-Identifier: MIT */
/* ordered_log.h -- the log as a state machine: decided commands go in, items with indexes are there.
 *
 * Items are numbered from 1 without gaps, in the order in which they were decided; what is no item
 * changes nothing. A request id of an origin that is among the last DECREE_LOG_WINDOW items is not
 * entered again. All this is a function of the commands alone, so every member has the same log.
 *
 * Items lie in memory for ever, where they were put first: what was handed out stays valid until
 * ordered_log_free(). Should that become too much, the place to change is the array of blocks:
 * its older ones can be read back from the journal by slot, and their items go with them.
 */
#ifndef DECREE_LOG_ORDERED_LOG_H
#define DECREE_LOG_ORDERED_LOG_H

#include "log_command.h"

struct ordered_log;

struct ordered_log_result {
    int error;      /* 0; CONFLICT: the id stands for other values; INVALID: this is no item */
    bool entered;   /* false, and no error: it was there already */
    uint64_t index; /* of the item; 0 if INVALID */
};

struct ordered_log_stats {
    uint64_t last;         /* index of the last item; 0: none */
    uint64_t item_bytes;   /* of all items */
    uint64_t memory_bytes; /* allocated for them */
    uint64_t repeated;     /* requests that were there already */
    uint64_t conflicts;
    uint64_t malformed; /* commands that are no item */
};

/* An empty log, or NULL. */
struct ordered_log *ordered_log_new(void);
void ordered_log_free(struct ordered_log *log); /* NULL is fine */

/* Takes in a decided command, which is borrowed for the call. There is memory for it, or the
 * replica cannot go on: this asserts. */
struct ordered_log_result ordered_log_apply(struct ordered_log *log, const uint8_t *command,
                                            size_t size);

uint64_t ordered_log_last(const struct ordered_log *log);

/* The item of this index, 1 to last, as the command that entered it. The bytes are borrowed from
 * the log. ret_bytes, their number, may be NULL. */
struct log_command ordered_log_item(const struct ordered_log *log, uint64_t index,
                                    size_t *ret_bytes);

/* The index of the item with this id, if it is not forgotten; 0: none. */
uint64_t ordered_log_find(const struct ordered_log *log, decree_node_id origin,
                          uint64_t request_id);

void ordered_log_stats(const struct ordered_log *log, struct ordered_log_stats *ret_stats);

#endif
