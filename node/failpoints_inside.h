/* SPDX-License-Identifier: MIT */
/* failpoints_inside.h -- what failpoints.c and failpoints_fs.c share; nobody else includes it. */
#ifndef DECREE_NODE_FAILPOINTS_INSIDE_H
#define DECREE_NODE_FAILPOINTS_INSIDE_H

#include <stdatomic.h>

#include "failpoints.h"

struct failpoint_arm {
    atomic_int when; /* enum failpoint_when; the journal's thread looks too */
    uint32_t receivers;
};

struct failpoints {
    struct transport port;
    struct transport *transport; /* behind the port */
    struct transport_sink sink;  /* behind ours */
    uint32_t answered;           /* members, a bit each */
    void (*status)(void *context, struct decree_status *ret_status);
    void *status_context;

    struct failpoints_options options;
    struct failpoint_arm arms[FAILPOINTS];
    atomic_bool dead;
    enum failpoint reached; /* die when the messages of this turn are out */
    decree_slot delivered;  /* decisions up to it were handed out */

    /* What this node proposed, in the last ballot in which it did. */
    struct decree_ballot ballot;
    decree_slot first, last;
    decree_lsn vote_lsn; /* its own vote is on disk with this record; 0: nobody waits for it */

    struct fs fs;
    struct fs_ops fs_ops;
    atomic_int journal_file; /* the segment in use; -1: none */
};

void failpoints_die(struct failpoints *failpoints, enum failpoint point, enum failpoint_when when);

/* Fills in fs and fs_ops. */
void failpoints_init_fs(struct failpoints *failpoints);

#endif
