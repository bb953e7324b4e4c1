/* SPDX-License-Identifier: MIT */
/* holdback.h -- from the log's order to the order of delivery: FIFO per origin.
 *
 *     log:        a1  b1  a3  a4  b2  a2  b3          (a3: the third message of origin a)
 *     delivered:  a1  b1  ..  ..  b2  a2 a3 a4  b3
 *
 * The log has each command once and in one order for all, but the core may decide a message before
 * an earlier one of the same origin: a forwarded proposal was lost and given to the leader again,
 * after later ones had arrived. So a message that comes early is held back until those before it
 * have come. Everybody holds back the same, since what is delivered when is a function of the
 * decided commands alone: total order, agreement, no duplication and no creation are those of the
 * log.
 *
 * Nobody waits for ever:
 *
 *  - While the origin runs, its core proposes each message again until it is decided, so the hole
 *    is filled.
 *  - When the origin dies, the hole may stay. Only messages of this origin wait behind it; no other
 *    origin is held up. They are not delivered: with the hole in front of them that would break
 *    FIFO, and nobody was told that they were delivered, for delivery at the origin is what
 *    completes a broadcast there.
 *  - When the origin starts again, its incarnation is higher. The first message of the new one that
 *    is decided ends the old one, at the same place in the log for all: what is held of the old one
 *    is dropped, and a later command of the old one, which the core itself no longer performs, would
 *    be too. The new incarnation begins with sequence 1, which its core proposes until it is decided,
 *    and so on as above. Messages of an origin are thus delivered by incarnation, and of each
 *    incarnation a prefix of what was broadcast.
 *
 * Memory is bounded: an origin has at most HOLDBACK_WINDOW messages under way (sender.h), so less
 * than that many can be held of it. A sequence past the window is one that no origin makes; it is
 * dropped, by all.
 */
#ifndef DECREE_BROADCAST_HOLDBACK_H
#define DECREE_BROADCAST_HOLDBACK_H

#include "envelope.h"

#define HOLDBACK_WINDOW 8192u /* a power of two; a part of the protocol: the same on all nodes */

struct held;

struct holdback_origin {
    uint64_t incarnation; /* 0: nothing was heard of it */
    uint64_t next;        /* the sequence to be delivered next */
    struct held **ring;   /* early ones, by sequence; NULL until there is one */
    uint32_t count;       /* of these */
};

struct holdback {
    struct holdback_origin origins[DECREE_MEMBERS_MAX + 1]; /* by id */
    struct envelope ready;  /* what came last, if it is due; origin 0: it is not */
    decree_node_id current; /* whose early ones may be due now; 0: nobody's */
    struct held *given;     /* borrowed by the caller until the next call */
    uint64_t dropped;       /* no broadcast, of an ended incarnation, twice, or past the window */
};

void holdback_init(struct holdback *holdback);
void holdback_release(struct holdback *holdback);

/* Takes in the next decided command, which is borrowed until holdback_next() has returned false.
 * There is memory for what is held, or the replica cannot go on: this asserts. */
void holdback_take_in(struct holdback *holdback, const uint8_t *command, uint32_t size);

/* The next message to deliver, borrowed until the next call; false: no more, before the next
 * command. */
bool holdback_next(struct holdback *holdback, struct envelope *ret_message);

#endif
