/* SPDX-License-Identifier: MIT */
/* message_tools.h -- making, copying and comparing messages for the tests of the transports. */
#ifndef DECREE_TESTS_NET_MESSAGE_TOOLS_H
#define DECREE_TESTS_NET_MESSAGE_TOOLS_H

#include "peer_message.h"
#include "prng.h"

/* A message of that type with anything in its fields, and pvalues of all sorts if it is so
 * inclined: long runs, no-ops, empty values, small and large ones, odd combinations. To be
 * released. */
struct decree_message message_random(struct prng *prng, enum decree_message_type type);

/* A run of count pvalues of size bytes each in a p2a, from slot on. To be released. */
struct decree_message message_run(decree_slot slot, uint32_t count, uint32_t size);

/* A heartbeat with this round. Nothing to release. */
struct decree_message message_beat(decree_node_id from, decree_node_id to, uint64_t round);

/* A copy with references on the same values. To be released. */
struct decree_message message_copy(const struct decree_message *message);
void message_release(struct decree_message *message);

/* As the transports take it. */
static inline struct peer_message message_of(const struct decree_message *message)
{
    return (struct peer_message){PEER_PAXOS, {.paxos = message}};
}

/* The same for messages of all protocols. letter_each() calls do_one once for every type of each
 * protocol. */
struct peer_letter letter_random(struct prng *prng, enum peer_protocol protocol, int type);
struct peer_letter letter_copy(const struct peer_message *message);
void letter_release(struct peer_letter *letter);
void letter_assert_equal(const struct peer_letter *a, const struct peer_letter *b);
void letter_each(void (*do_one)(void *context, enum peer_protocol protocol, int type),
                 void *context);

/* Fails the test unless the two are equal in every field and byte. */
void message_assert_equal(const struct decree_message *a, const struct decree_message *b);

#endif
