/* SPDX-License-Identifier: MIT */
/* envelope.h -- a broadcast message as a command of the log: its bytes behind its name.
 *
 *    1       0x42: a command for the broadcast machine
 *    varint  origin: the member that broadcast it, 1 to DECREE_MEMBERS_MAX
 *    varint  incarnation of that member: grows with each of its starts, from 1
 *    varint  sequence: 1 for the first message of the incarnation, then without holes
 *    ...     the message
 *
 * The core has such a name of its own for every command, but a machine sees bytes alone, and the
 * numbers differ: the core numbers whatever a node proposes, this one broadcasts only.
 */
#ifndef DECREE_BROADCAST_ENVELOPE_H
#define DECREE_BROADCAST_ENVELOPE_H

#include <decree/paxos.h>

#define ENVELOPE_MACHINE 0x42u
#define ENVELOPE_BYTES_MAX 26u /* in front of the message */

struct envelope {
    decree_node_id origin;
    uint64_t incarnation, sequence;
    const uint8_t *message; /* borrowed */
    uint32_t size;          /* of the message */
};

/* Writes what goes in front of the message; returns its size. data holds ENVELOPE_BYTES_MAX. */
uint32_t envelope_write(const struct envelope *envelope, uint8_t *data);

/* False: these bytes are no broadcast. The message stays where it is. */
bool envelope_read(struct envelope *ret_envelope, const uint8_t *command, uint32_t size);

#endif
