/* SPDX-License-Identifier: MIT */
/* kv_model.h -- the key-value store as one would write it if neither time nor memory mattered: a
 * list of all changes, and every question answered by reading it from the front. What kv/ is held
 * against.
 */
#ifndef DECREE_TESTS_KV_MODEL_H
#define DECREE_TESTS_KV_MODEL_H

#include "kv.h"

#define MODEL_KEY_BYTES_MAX 64u
#define MODEL_VALUE_BYTES_MAX 32u

#define MODEL_LEASES_MAX 8u

struct model_change {
    uint8_t key[MODEL_KEY_BYTES_MAX], value[MODEL_VALUE_BYTES_MAX];
    size_t key_size, value_size;
    int64_t main, sub, create_revision, version, lease;
    bool deleted;
};

struct model_lease {
    int64_t id, granted, remaining; /* id 0: none here */
};

struct model {
    struct model_change *changes;
    size_t count, capacity;
    int64_t revision, sub;
    int64_t compacted;
    struct model_lease leases[MODEL_LEASES_MAX];
};

void model_init(struct model *model);
void model_release(struct model *model);

/* What the key was at a revision, or NULL. */
const struct model_change *model_get(const struct model *model, struct kv_bytes key,
                                     int64_t revision);

/* Changes belong together until model_end(), which makes them a revision. */
void model_put(struct model *model, const struct command_put *put);
void model_end(struct model *model);

/* The outcome that a put is to have. */
enum kv_error model_check_put(const struct model *model, const struct command_put *put);

/* NULL: none of this id; of id 0: a free place, or NULL. */
struct model_lease *model_lease(struct model *model, int64_t id);

/* Deletes all keys of the lease; the number. */
size_t model_revoke(struct model *model, int64_t id);

/* Deletes; the number of keys deleted. */
size_t model_delete_range(struct model *model, struct kv_bytes key, struct kv_bytes range_end);

/* What a range held at a revision, by key, as an array for free(). */
const struct model_change **model_range(const struct model *model, struct kv_bytes key,
                                        struct kv_bytes range_end, int64_t revision,
                                        size_t *ret_count);

#endif
