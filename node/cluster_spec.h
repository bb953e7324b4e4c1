/* SPDX-License-Identifier: MIT */
/* cluster_spec.h -- who is in the cluster, from one string: "n1=127.0.0.1:7001,n2=[::1]:7002".
 *
 * The members get the ids 1, 2, ... in the order of the string, which must be the same on all
 * nodes. A name is
 * 1 to 63 of letters, digits, '-', '_' and '.'; a host is a name or an address, one of IPv6 in brackets.
 */
#ifndef DECREE_NODE_CLUSTER_SPEC_H
#define DECREE_NODE_CLUSTER_SPEC_H

#include <stdbool.h>

#include <decree/paxos.h>

#include "sentence.h"

#define CLUSTER_NAME_BYTES 64u /* with the zero at the end */
#define CLUSTER_HOST_BYTES 254u
#define CLUSTER_IDENTITY_BYTES 128u

struct cluster_member {
    char name[CLUSTER_NAME_BYTES];
    char host[CLUSTER_HOST_BYTES]; /* without brackets */
    uint16_t port;                 /* 0: it has no address */
};

struct cluster_spec {
    uint32_t count;
    struct cluster_member members[DECREE_MEMBERS_MAX]; /* that of id i is at i - 1 */
};

/* Reads text into ret_spec. addresses_optional: names alone will do, for nodes that need no
 * network. INVALID: sentence says what is wrong with which part; it holds
 * SENTENCE_BYTES. */
int cluster_spec_parse(struct cluster_spec *ret_spec, const char *text, bool addresses_optional,
                       char *sentence);

bool cluster_name_is_valid(const char *name);

/* Reads "host:port" or "[host]:port"; port 0 is allowed when port_zero is. Errors as above. */
int cluster_address_parse(char *ret_host, uint16_t *ret_port, const char *text, bool port_zero,
                          char *sentence);

/* The id of the member with that name; 0: there is none. */
decree_node_id cluster_spec_find(const struct cluster_spec *spec, const char *name);

/* The member's name, for log lines; "?" for an id that is none. */
const char *cluster_spec_name(const struct cluster_spec *spec, decree_node_id id);

/* What tells this cluster from others on the wire and on disk: token, names in order and quorum
 * sizes. Nodes that do not agree on these must not work together: their votes would not mean the
 * same. Never 0. */
uint64_t cluster_spec_id(const struct cluster_spec *spec, const char *token,
                         uint32_t prepare_quorum, uint32_t vote_quorum);

/* The same as text, for data directories; returns the number. ret_text has CLUSTER_IDENTITY_BYTES. */
uint64_t cluster_spec_identity(const struct cluster_spec *spec, const char *token,
                               uint32_t prepare_quorum, uint32_t vote_quorum, char *ret_text);

#endif
