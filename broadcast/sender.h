/* SPDX-License-Identifier: MIT */
/* sender.h -- what an origin has under way: names for its messages, and a bound on them.
 *
 *     first                      next
 *       |  broadcast, not yet     |
 *       v  delivered here         v
 *     ..[#########################]..    sequences of this incarnation
 *
 * A message is under way from its broadcast to its delivery at the origin. Their number stays
 * within the window of everybody's hold-back, and their bytes within a bound: so nobody has more
 * than that to hold.
 */
#ifndef DECREE_BROADCAST_SENDER_H
#define DECREE_BROADCAST_SENDER_H

#include "envelope.h"

#define SENDER_BYTES_MAX (UINT64_C(64) << 20) /* a single message may be larger */

struct sender {
    decree_node_id self;
    uint64_t incarnation; /* 0: not known yet, nothing can be sent */
    uint64_t first, next; /* sequences: oldest under way, first unused */
    uint64_t bytes;       /* of what is under way */
};

/* incarnation: higher than in every earlier start of this node. */
void sender_init(struct sender *sender, decree_node_id self, uint64_t incarnation);

/* Names the next message of size bytes. The name is used up by sender_sent(), once the message was
 * proposed. Errors: FULL. */
int sender_name(const struct sender *sender, uint32_t size, struct envelope *ret_envelope);
void sender_sent(struct sender *sender, uint32_t size);

/* A message is delivered at this node. True: it is the oldest of those under way. */
bool sender_delivered(struct sender *sender, const struct envelope *message);

#endif
