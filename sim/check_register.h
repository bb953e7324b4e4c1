/* SPDX-License-Identifier: MIT */
/* check_register.h -- one key is a row of versions, each written once, in order, and read as such.
 *
 * Each version of a key takes effect at one moment. What clients saw bounds it:
 *
 *     not before   its set was called
 *                  a get that did not find it, yet was answered, was called
 *     not after    its set returned
 *                  a get that found it, or a later version, returned
 *     and, if versions are not given by clients, not before the version below
 *
 * The history is linearizable if the bounds of no version contradict each other: versions say in
 * which order the sets came, so there is nothing to search. Besides: a version has one value, ever;
 * a value lands in one version; versions that nobody numbered have no holes; what was refused never
 * lands; a version that was forgotten is not seen again.
 */
#ifndef DECREE_SIM_CHECK_REGISTER_H
#define DECREE_SIM_CHECK_REGISTER_H

#include <stddef.h>
#include <stdint.h>

#include "verdict.h"

struct register_moments {   /* of one version */
    uint64_t token;         /* what it holds; 0: not seen */
    uint64_t after, before; /* bounds; before 0: none */
};

struct register_history { /* of one key */
    struct verdict *verdict;
    uint64_t key;
    bool numbered;                     /* clients give the versions */
    struct register_moments *versions; /* by version; 0 is not used */
    size_t room;                       /* of versions */
    uint64_t highest;                  /* version with a value */
    uint64_t forgotten, forgotten_at;  /* versions below it are gone since that moment */
    uint64_t may_forget;               /* versions below it may be gone */
};

void register_history_init(struct register_history *history, struct verdict *verdict, uint64_t key,
                           bool numbered);
void register_history_release(struct register_history *history);

/* Somebody who called and returned at these moments saw this value in a version. latest: as the
 * latest one. */
void register_history_saw(struct register_history *history, uint64_t now_ns, uint64_t called,
                          uint64_t returned, uint64_t version, uint64_t token, bool latest);
/* And here: nothing in this version; 0: nothing in any. */
void register_history_missed(struct register_history *history, uint64_t called, uint64_t version);
void register_history_compacted(struct register_history *history, uint64_t now_ns,
                                uint64_t version);
/* A forget was called, with this version; what is surely gone when it returns. */
uint64_t register_history_forgets(struct register_history *history, uint64_t version);
void register_history_forgot(struct register_history *history, uint64_t returned, uint64_t first);
/* At the end, of each set: returned 0: nobody knows its outcome; refused: it must not have landed. */
void register_history_set(struct register_history *history, uint64_t now_ns, uint64_t called,
                          uint64_t returned, uint64_t token, bool refused);

/* All is in: are the bounds sound? */
void register_history_check(const struct register_history *history, uint64_t now_ns);

#endif
