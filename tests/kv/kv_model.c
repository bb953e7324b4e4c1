/* SPDX-License-Identifier: MIT */
/* kv_model.c -- see kv_model.h. */
#include "kv_model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void model_init(struct model *model)
{
    *model = (struct model){.revision = 1, .compacted = -1};
}

void model_release(struct model *model)
{
    free(model->changes);
}

static int compare(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    for (size_t i = 0; i < a_size && i < b_size; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return a_size == b_size ? 0 : a_size < b_size ? -1 : 1;
}

static bool within(const struct model_change *change, struct kv_bytes key,
                   struct kv_bytes range_end)
{
    int order = compare(change->key, change->key_size, key.data, key.size);

    if (range_end.size == 0)
        return order == 0;
    if (range_end.size == 1 && range_end.data[0] == 0)
        return order >= 0;
    return order >= 0 && compare(change->key, change->key_size, range_end.data, range_end.size) < 0;
}

static bool is_key(const struct model_change *change, struct kv_bytes key)
{
    return change->key_size == key.size && memcmp(change->key, key.data, key.size) == 0;
}

const struct model_change *model_get(const struct model *model, struct kv_bytes key,
                                     int64_t revision)
{
    const struct model_change *found = NULL;

    for (size_t i = 0; i < model->count && model->changes[i].main <= revision; i++)
        if (is_key(&model->changes[i], key))
            found = &model->changes[i];
    return found == NULL || found->deleted ? NULL : found;
}

static struct model_change *add(struct model *model, struct kv_bytes key)
{
    struct model_change *change;

    assert(key.size <= MODEL_KEY_BYTES_MAX);
    if (model->count == model->capacity) {
        model->capacity = model->capacity == 0 ? 64 : 2 * model->capacity;
        model->changes = realloc(model->changes, model->capacity * sizeof(*model->changes));
        assert(model->changes != NULL);
    }
    change = &model->changes[model->count++];
    *change = (struct model_change){
        .key_size = key.size, .main = model->revision + 1, .sub = model->sub++};
    memcpy(change->key, key.data, key.size);
    return change;
}

void model_put(struct model *model, const struct command_put *put)
{
    const struct model_change *before = model_get(model, put->key, INT64_MAX);
    struct model_change was = before != NULL ? *before : (struct model_change){0};
    struct model_change *change = add(model, put->key);

    assert(put->value.size <= MODEL_VALUE_BYTES_MAX);
    if (put->ignore_value) {
        memcpy(change->value, was.value, was.value_size);
        change->value_size = was.value_size;
    } else if (put->value.size > 0) {
        memcpy(change->value, put->value.data, put->value.size);
        change->value_size = put->value.size;
    }
    change->lease = put->ignore_lease ? was.lease : put->lease;
    change->create_revision = before != NULL ? was.create_revision : change->main;
    change->version = was.version + 1;
}

void model_end(struct model *model)
{
    model->revision += model->sub > 0;
    model->sub = 0;
}

struct model_lease *model_lease(struct model *model, int64_t id)
{
    for (size_t i = 0; i < MODEL_LEASES_MAX; i++)
        if (model->leases[i].id == id)
            return &model->leases[i];
    return NULL;
}

enum kv_error model_check_put(const struct model *model, const struct command_put *put)
{
    bool granted = put->lease == 0;

    for (size_t i = 0; i < MODEL_LEASES_MAX; i++)
        granted = granted || model->leases[i].id == put->lease;
    if (!granted)
        return KV_LEASE_NOT_FOUND;
    if ((put->ignore_value || put->ignore_lease) && model_get(model, put->key, INT64_MAX) == NULL)
        return KV_KEY_NOT_FOUND;
    return KV_OK;
}

/* Of count changes that are there now, those of the lease, or all of them if it is 0. */
static size_t delete_all(struct model *model, const struct model_change **found, size_t count,
                         int64_t lease)
{
    struct model_change *copies = calloc(count + 1, sizeof(*copies)); /* add() moves the others */
    size_t deleted = 0;

    assert(copies != NULL);
    for (size_t i = 0; i < count; i++)
        copies[i] = *found[i];
    for (size_t i = 0; i < count; i++) {
        if (lease != 0 && copies[i].lease != lease)
            continue;
        add(model, (struct kv_bytes){copies[i].key, copies[i].key_size})->deleted = true;
        deleted++;
    }
    free(copies);
    free(found);
    return deleted;
}

size_t model_delete_range(struct model *model, struct kv_bytes key, struct kv_bytes range_end)
{
    size_t count;
    const struct model_change **found = model_range(model, key, range_end, INT64_MAX, &count);

    return delete_all(model, found, count, 0);
}

size_t model_revoke(struct model *model, int64_t id)
{
    static const struct kv_bytes zero = {(const uint8_t *)"\0", 1};
    size_t count;
    const struct model_change **found = model_range(model, zero, zero, INT64_MAX, &count);

    *model_lease(model, id) = (struct model_lease){0};
    return delete_all(model, found, count, id);
}

static int compare_changes(const void *a, const void *b)
{
    const struct model_change *left = *(const struct model_change *const *)a;
    const struct model_change *right = *(const struct model_change *const *)b;

    return compare(left->key, left->key_size, right->key, right->key_size);
}

const struct model_change **model_range(const struct model *model, struct kv_bytes key,
                                        struct kv_bytes range_end, int64_t revision,
                                        size_t *ret_count)
{
    const struct model_change **found = calloc(model->count + 1, sizeof(*found));
    size_t count = 0;

    assert(found != NULL);
    for (size_t i = 0; i < model->count && model->changes[i].main <= revision; i++) {
        const struct model_change *change = &model->changes[i];
        struct kv_bytes its_key = {change->key, change->key_size};

        if (within(change, key, range_end) && model_get(model, its_key, revision) == change)
            found[count++] = change;
    }
    qsort(found, count, sizeof(*found), compare_changes);
    *ret_count = count;
    return found;
}
