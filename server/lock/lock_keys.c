/* SPDX-License-Identifier: MIT */
/* lock_keys.c -- see lock_keys.h. */
#include "lock_keys.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kv_propose.h"

struct lock_prefix lock_prefix_write(uint8_t *bytes, struct kv_bytes name)
{
    size_t size = name.size + 1;

    if (name.size > 0) {
        memcpy(bytes, name.data, name.size);
        memcpy(bytes + size, name.data, name.size);
    }
    bytes[name.size] = '/';
    bytes[size + name.size] = '/' + 1;
    return (struct lock_prefix){bytes, bytes + size, size};
}

size_t lock_lease_write(char *digits, int64_t lease)
{
    uint64_t magnitude = lease < 0 ? 0 - (uint64_t)lease : (uint64_t)lease;
    char text[LOCK_LEASE_DIGITS + 1];
    int size = snprintf(text, sizeof(text), "%s%" PRIx64, lease < 0 ? "-" : "", magnitude);

    assert(size > 0);
    assert((size_t)size <= LOCK_LEASE_DIGITS);
    memcpy(digits, text, (size_t)size);
    return (size_t)size;
}

/* ---- looking ---- */

struct search {
    struct kv_pair best;
    int64_t before; /* only keys made before this revision; 0: any */
    bool found;
};

static void look_at(void *context, const struct kv_pair *pair)
{
    struct search *search = context;
    bool later = pair->create_revision > search->best.create_revision;

    if (search->before != 0 && pair->create_revision >= search->before)
        return;
    if (search->found && later != (search->before != 0))
        return;
    search->best = *pair;
    search->found = true;
}

static bool find(const struct kv *kv, const struct lock_prefix *prefix, int64_t before,
                 struct kv_pair *ret_pair)
{
    struct search search = {.before = before};
    struct kv_range_request request = {
        .key = {prefix->begin, prefix->size},
        .range_end = {prefix->end, prefix->size},
        .keys_only = before != 0,
    };
    struct kv_range_result result;
    enum kv_error error = kv_range(kv, &request, look_at, &search, &result);

    assert(error == KV_OK);
    if (search.found)
        *ret_pair = search.best;
    return error == KV_OK && search.found;
}

bool lock_first(const struct kv *kv, const struct lock_prefix *prefix, struct kv_pair *ret_pair)
{
    return find(kv, prefix, 0, ret_pair);
}

bool lock_before(const struct kv *kv, const struct lock_prefix *prefix, int64_t revision,
                 struct kv_pair *ret_pair)
{
    assert(revision > 0);
    return find(kv, prefix, revision, ret_pair);
}

bool lock_is_alone(const struct kv *kv, const struct lock_prefix *prefix)
{
    struct kv_range_request request = {.key = {prefix->begin, prefix->size},
                                       .range_end = {prefix->end, prefix->size},
                                       .count_only = true};
    struct kv_range_result result;

    (void)kv_range(kv, &request, NULL, NULL, &result);
    return result.count == 1;
}

bool lock_is_there(const struct kv *kv, struct kv_bytes key, int64_t revision)
{
    struct search search = {0};
    struct kv_range_request request = {.key = key, .keys_only = true};
    struct kv_range_result result;

    (void)kv_range(kv, &request, look_at, &search, &result);
    return search.found && search.best.create_revision == revision;
}

/* ---- commands ---- */

static struct command_compare made_at(struct kv_bytes key, int64_t revision)
{
    return (struct command_compare){
        .target = COMPARE_CREATE, .result = COMPARE_EQUAL, .key = key, .number = revision};
}

static struct command put_of(const struct lock_entry *entry)
{
    return (struct command){
        .op = COMMAND_PUT,
        .u.put = {.key = entry->key,
                  .value = entry->value,
                  .lease = entry->lease,
                  .ignore_lease = entry->lease == 0},
    };
}

/* if not there: put; else: get, and unless it has the value, put */
int lock_enter(struct backend *backend, const struct lock_entry *entry, decree_done *done,
               void *argument)
{
    struct command_compare missing = made_at(entry->key, 0);
    struct command_compare same = {
        .target = COMPARE_VALUE, .result = COMPARE_EQUAL, .key = entry->key, .value = entry->value};
    struct command put = put_of(entry);
    struct command otherwise[] = {
        {.op = COMMAND_RANGE, .u.range = {.key = entry->key, .keys_only = true}},
        {.op = COMMAND_TXN,
         .u.txn = {.compares = &same, .compare_count = 1, .failure = &put, .failure_count = 1}},
    };
    struct command command = {
        .op = COMMAND_TXN,
        .u.txn = {.compares = &missing,
                  .compare_count = 1,
                  .success = &put,
                  .success_count = 1,
                  .failure = otherwise,
                  .failure_count = entry->sets_value ? 2 : 1},
    };

    assert(entry->lease != 0);
    return kv_offer(backend, &command, done, argument);
}

int64_t lock_entered(const struct kv_result *outcome, bool *ret_made)
{
    const struct kv_op_result *get = &outcome->ops[0];

    assert(outcome->error == KV_OK);
    *ret_made = outcome->succeeded;
    if (outcome->succeeded)
        return outcome->revision;
    assert(get->pair_count == 1);
    return outcome->pairs[get->first_pair].create_revision;
}

static int change(struct backend *backend, const struct command *change, struct kv_bytes key,
                  int64_t revision, decree_done *done, void *argument)
{
    struct command_compare made = made_at(key, revision);
    struct command command = {
        .op = COMMAND_TXN,
        .u.txn = {.compares = &made, .compare_count = 1, .success = change, .success_count = 1},
    };

    assert(key.size > 0);
    return kv_offer(backend, &command, done, argument);
}

int lock_release(struct backend *backend, struct kv_bytes key, int64_t revision, decree_done *done,
                 void *argument)
{
    struct command delete = {.op = COMMAND_DELETE_RANGE, .u.delete_range = {.key = key}};

    return change(backend, &delete, key, revision, done, argument);
}

int lock_proclaim(struct backend *backend, const struct lock_entry *entry, int64_t revision,
                  decree_done *done, void *argument)
{
    struct command put = put_of(entry);

    return change(backend, &put, entry->key, revision, done, argument);
}
