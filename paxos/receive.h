/* SPDX-License-Identifier: MIT */
/* receive.h -- what becomes of a message. */
#ifndef DECREE_PAXOS_RECEIVE_H
#define DECREE_PAXOS_RECEIVE_H

#include "core.h"

/* A sane one, of a peer. */
void receive_message(struct decree_paxos *paxos, const struct decree_message *message);

/* What this node's acceptor says to its own scout or commander, now that it is durable. */
void receive_own(struct decree_paxos *paxos, const struct decree_message *reply);

#endif
