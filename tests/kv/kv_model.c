/* SPDX-License-Identifier: MIT */
/* kv_model.c -- see kv_model.h. */
#include "kv_model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void model_init(struct model *model)
{
    *model = (struct model){.revision = 1};
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
    *change = (struct model_change){.key_size = key.size, .main = model->revision + 1};
    memcpy(change->key, key.data, key.size);
    return change;
}

void model_put(struct model *model, struct kv_bytes key, struct kv_bytes value)
{
    const struct model_change *before = model_get(model, key, model->revision);
    int64_t create_revision = before != NULL ? before->create_revision : model->revision + 1;
    int64_t version = before != NULL ? before->version + 1 : 1;
    struct model_change *change = add(model, key);

    assert(value.size <= MODEL_VALUE_BYTES_MAX);
    memcpy(change->value, value.data, value.size);
    change->value_size = value.size;
    change->create_revision = create_revision;
    change->version = version;
    model->revision++;
}

size_t model_delete_range(struct model *model, struct kv_bytes key, struct kv_bytes range_end)
{
    size_t count;
    const struct model_change **found = model_range(model, key, range_end, model->revision, &count);
    struct model_change *copies = calloc(count + 1, sizeof(*copies)); /* add() moves the others */

    assert(copies != NULL);
    for (size_t i = 0; i < count; i++)
        copies[i] = *found[i];
    for (size_t i = 0; i < count; i++) {
        struct model_change *change = add(model,
                                          (struct kv_bytes){copies[i].key, copies[i].key_size});

        change->sub = (int64_t)i;
        change->deleted = true;
    }
    free(copies);
    free(found);
    model->revision += count > 0;
    return count;
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
