/* SPDX-License-Identifier: MIT */
/* cell.h -- one key: what its acceptor here has promised and voted, and who is busy with it.
 *
 *                 first               chosen   latest
 *                   |                    |        |
 *     versions: ....[ 4 | 5 | 6 | 7 | 8 ][ 9 ]         by version; mostly without holes
 *      compacted      each: vote <ballot, mark, value>, perhaps a promise of its own, decided
 *
 * A promise counts for every version of the key, unless it was asked for a version below one that
 * is known to be chosen: then it stays with that version, so that who completes an old one does not
 * disturb who sets new ones. The promise that counts for a version is the higher of the two.
 */
#ifndef DECREE_REGISTER_CELL_H
#define DECREE_REGISTER_CELL_H

#include <decree/register.h>

#include "hash_table.h"
#include "timer_heap.h"

struct cell_version {
    uint64_t version;
    struct decree_ballot promised; /* for this version alone */
    struct decree_ballot voted;    /* bottom: no vote, and no value */
    struct decree_register_mark mark;
    struct decree_value *value;
    bool decided; /* value is chosen */
};

struct operation;

struct operation_list { /* in the order of arrival */
    struct operation *head, *tail;
};

struct cell {
    struct hash_entry entry; /* first */
    struct decree_value *name;

    struct decree_ballot promised; /* for every version */
    uint64_t first;                /* versions below it are compacted; at least 1 */
    uint64_t forgotten;            /* the part of first that is in a record */
    uint64_t latest;               /* the highest version with a vote; 0: none */
    uint64_t chosen;               /* the highest version known to be chosen; 0: none */
    struct cell_version *versions; /* room, of which [start, start + count) are in use */
    uint32_t start, count, room;
    uint64_t record; /* the last record that a reply about this key may have to wait for */

    /* The proposer's part. */
    uint64_t counter;                      /* of the ballots of this run; 0: none yet */
    struct decree_ballot highest;          /* seen in a refusal */
    struct decree_ballot hold;             /* a prepare quorum promised it for every version */
    uint64_t hold_latest;                  /* what is then the latest version, and chosen ... */
    struct decree_ballot hold_chosen;      /* ... in this ballot */
    bool holds;                            /* nobody has been seen to compete since */
    struct operation_list appends, others; /* the first append is under way */
    struct operation *getting, *get_next;  /* gets of the latest: under way; to begin after it */
    uint64_t news;                         /* this version was chosen; others are to hear of it */
    struct decree_ballot news_ballot;      /* in which it was */
    struct timer_node news_timer;          /* when they do, unless another accept tells them */
};

/* NULL: out of memory. */
struct cell *cell_new(struct decree_register_key key, uint64_t hash);
void cell_free(struct cell *cell); /* NULL is fine */

bool cell_has_name(const struct cell *cell, struct decree_register_key key);

/* True when nothing would be lost with it. */
bool cell_is_empty(const struct cell *cell);

/* NULL: nothing is known of this version. Borrowed until the next cell_make() or cell_compact(). */
struct cell_version *cell_find(const struct cell *cell, uint64_t version);
/* The same, made if it is not there; NULL: out of memory. Not for compacted versions. */
struct cell_version *cell_make(struct cell *cell, uint64_t version);

/* The lowest version above this one that has a vote, or 0. */
uint64_t cell_next(const struct cell *cell, uint64_t version);

/* The promise that counts for a version; 0: for all that have none of their own. */
struct decree_ballot cell_promised(const struct cell *cell, uint64_t version);

/* What is promised, voted, known from now on. wide: for every version. mark and value as one; the
 * vote's value is referred to. */
void cell_promise(struct cell *cell, struct cell_version *version, bool wide,
                  struct decree_ballot ballot);
void cell_vote(struct cell *cell, struct cell_version *version, struct decree_ballot ballot,
               struct decree_register_mark mark, struct decree_value *value);
void cell_decide(struct cell *cell, struct cell_version *version);

/* Forgets the versions below first, which is at most chosen. */
void cell_compact(struct cell *cell, uint64_t first);
/* The oldest version when keep of them are kept, as far as they are known to be chosen. */
uint64_t cell_keep_from(const struct cell *cell, uint64_t keep);

#endif
