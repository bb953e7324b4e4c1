/* SPDX-License-Identifier: MIT */
/* synod_spec.h -- who takes part in a synod, from the addresses alone: ":5001" and ":5002,:5003".
 *
 * A node is its address. The nodes get the ids 1, 2, ... in the order of their addresses, by host
 * and then by port, so all nodes come to the same ids, each from its own -self and -others. An
 * address is host:port, [host]:port or :port; no host and "localhost" are 127.0.0.1. On several
 * machines each node must therefore be named by a host that means the same to all, to itself too.
 */
#ifndef DECREE_NODE_SYNOD_SPEC_H
#define DECREE_NODE_SYNOD_SPEC_H

#include "cluster_spec.h"

#define SYNOD_NAME_BYTES (CLUSTER_HOST_BYTES + 8u)

struct synod_member {
    char host[CLUSTER_HOST_BYTES]; /* lower case, without brackets */
    uint16_t port;
    char name[SYNOD_NAME_BYTES]; /* for people: ":5001", "host:5001" or "[::1]:5001" */
};

struct synod_spec {
    uint32_t count;
    decree_node_id self;
    uint32_t prepare_quorum, vote_quorum;
    struct synod_member members[DECREE_MEMBERS_MAX]; /* that of id i is at i - 1 */
};

/* Reads the addresses; others may be empty or NULL. A quorum of 0 is a majority. INVALID, or QUORUM
 * if the sizes are unsafe: sentence, which holds SENTENCE_BYTES, says what is wrong. */
int synod_spec_parse(struct synod_spec *ret_spec, const char *self, const char *others,
                     uint32_t prepare_quorum, uint32_t vote_quorum, char *sentence);

/* The name of a node; "?" for an id that is none. */
const char *synod_spec_name(const struct synod_spec *spec, decree_node_id id);

/* What tells this synod from others on the wire and on disk: the addresses and the quorum sizes.
 * Nodes that differ in these must not talk. Never 0. */
uint64_t synod_spec_id(const struct synod_spec *spec);

/* Reads one address. Errors: INVALID, with a sentence. */
int synod_address_parse(struct synod_member *ret_member, const char *text, char *sentence);

#endif
