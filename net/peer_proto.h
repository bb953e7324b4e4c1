/* SPDX-License-Identifier: MIT */
/* peer_proto.h -- between the messages of port/peer_message.h and those of proto/decree.proto.
 *
 *     send:     wrap   -> protobuf or JSON -> wire
 *     receive:  wire -> protobuf or JSON ->  unwrap -> judge -> sink
 *
 * What is unwrapped is checked as the frames of codec.h are: a type or protocol that is none, or
 * more than the bounds, is refused whole.
 */
#ifndef DECREE_NET_PEER_PROTO_H
#define DECREE_NET_PEER_PROTO_H

#include "arena.h"
#include "decree.pb-c.h"
#include "peer_message.h"

/* Makes the protobuf form, in the arena; values and key are borrowed from message, which borrows
 * them itself. NULL: out of memory, or more pvalues than a frame has. */
Decree__V1__Message *peer_proto_wrap(struct arena *arena, uint64_t cluster_id,
                                     const struct peer_message *message);

/* Makes the message. Its pvalues are in the arena, its key is borrowed from message; each value has
 * memory of its own and one reference, which peer_proto_drop() drops. Returns NULL, or a static
 * sentence on what is wrong; then nothing is to be dropped. */
const char *peer_proto_unwrap(struct arena *arena, const Decree__V1__Message *message,
                              struct peer_letter *ret_letter);
void peer_proto_drop(const struct peer_letter *letter);

#endif
