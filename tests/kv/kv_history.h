/* SPDX-License-Identifier: MIT */
/* kv_history.h -- what the parts of kv_history_test share: a history, random pieces of commands, and
 * what is held against the model. */
#ifndef DECREE_TESTS_KV_HISTORY_H
#define DECREE_TESTS_KV_HISTORY_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kv.h"
#include "kv_model.h"
#include "prng.h"
#include "snapshot.h"

struct bytes {
    uint8_t *data;
    size_t size;
};

struct history {
    struct kv *kv, *twin; /* the twin is tidied at other times */
    struct kv *victim;    /* of damaged commands: all that is asked of it is to live */
    struct model model;
    struct prng prng;
    uint64_t seed, keys; /* about as many different keys come up */
    unsigned shape;
    struct snapshot_writer *writer; /* of kv; NULL: none is at work */
    struct bytes written, expected; /* by it, and of it */
    bool is_measured;
};

#define CHECK(history, condition)                                                              \
    do {                                                                                       \
        if (!(condition))                                                                      \
            fail_msg("seed %" PRIu64 " keys %" PRIu64 " at revision %" PRId64 ": %s",          \
                     (history)->seed, (history)->keys, (history)->model.revision, #condition); \
    } while (0)

/* Once in so many. */
bool once_in(struct history *history, uint64_t count);

/* room has MODEL_KEY_BYTES_MAX; the key of a number is always the same. */
struct kv_bytes key_of(const struct history *history, uint64_t number, uint8_t *room);
struct kv_bytes random_key(struct history *history, uint8_t *room);
struct kv_bytes random_end(struct history *history, uint8_t *room);
struct kv_bytes random_value(struct history *history, uint8_t *room);
struct command_put random_put(struct history *history, struct kv_bytes key, uint8_t *value_room);

bool matches(const struct kv_pair *pair, const struct model_change *change, bool keys_only);

/* Applies to both stores. */
void apply_both(struct history *history, const struct command *command,
                struct kv_result *ret_result);

/* A txn with everything in it, nested too, and what it does to the model. */
void step_txn(struct history *history);

/* A bit of a snapshot's life, and what is done with one that is not over. */
void step_snapshot(struct history *history);
void end_snapshot(struct history *history);

#endif
