/* SPDX-License-Identifier: MIT */
/* kv_history_test.c -- thousands of random histories, each held against the slow model while it
 * grows: results, every form of range, the present and the past, the stream of changes, leases,
 * compaction, and a twin that is tidied at other times and must hash alike.
 *
 * A failure names its seed; `kv_history_test SEED KEYS` runs that history alone.
 */
#include <stdlib.h>
#include <string.h>

#include "kv_help.h"
#include "kv_history.h"

struct seen { /* what a range handed out, so far as it agreed */
    const struct history *history;
    const struct model_change **expected;
    size_t expected_count, count;
    bool keys_only;
};

/* ---- random pieces ---- */

bool once_in(struct history *history, uint64_t count)
{
    return prng_below(&history->prng, count) == 0;
}

static bool same(struct kv_bytes a, const uint8_t *data, size_t size)
{
    return a.size == size && (size == 0 || memcmp(a.data, data, size) == 0);
}

static size_t append_number(uint8_t *to, uint64_t number, unsigned base, uint8_t first)
{
    size_t size = 0;

    do {
        to[size++] = (uint8_t)(first + number % base);
        number /= base;
    } while (number > 0);
    return size;
}

/* Keys that are prefixes of each other, hold zeros and the highest bytes, or share a long front. */
struct kv_bytes key_of(const struct history *history, uint64_t number, uint8_t *room)
{
    static const uint8_t few[] = {0x00, 0x01, 'a', 'b', 0xff};
    static const char front[] = "/registry/pods/namespace/";
    size_t size = 0;

    switch (history->shape) {
    case 0:
        do {
            room[size++] = few[number % sizeof(few)];
            number /= sizeof(few);
        } while (number > 0);
        break;
    case 1:
        memcpy(room, front, sizeof(front));
        size = sizeof(front) - 1 - (size_t)(number % 3);
        size += append_number(room + size, number, 10, '0');
        break;
    default: /* eight bytes that differ at the front */
        number *= 0x9e3779b97f4a7c15u;
        memcpy(room, &number, sizeof(number));
        size = sizeof(number);
        break;
    }
    return (struct kv_bytes){room, size};
}

struct kv_bytes random_key(struct history *history, uint8_t *room)
{
    return key_of(history, prng_below(&history->prng, history->keys), room);
}

struct kv_bytes random_end(struct history *history, uint8_t *room)
{
    switch (prng_below(&history->prng, 4)) {
    case 0:
        return (struct kv_bytes){NULL, 0};
    case 1:
        room[0] = 0;
        return (struct kv_bytes){room, 1};
    default:
        return random_key(history, room);
    }
}

struct kv_bytes random_value(struct history *history, uint8_t *room)
{
    size_t size = append_number(room, prng_next(&history->prng), 200, 3);

    return (struct kv_bytes){room, prng_below(&history->prng, size + 1)};
}

static int64_t random_lease(struct history *history)
{
    return 1 + (int64_t)prng_below(&history->prng, MODEL_LEASES_MAX + 2);
}

struct command_put random_put(struct history *history, struct kv_bytes key, uint8_t *value_room)
{
    struct command_put put = {.key = key, .prev_kv = once_in(history, 2)};

    put.ignore_value = once_in(history, 16);
    put.ignore_lease = once_in(history, 16);
    if (!put.ignore_value)
        put.value = random_value(history, value_room);
    if (!put.ignore_lease && once_in(history, 4))
        put.lease = random_lease(history);
    return put;
}

/* ---- what is checked ---- */

bool matches(const struct kv_pair *pair, const struct model_change *change, bool keys_only)
{
    return same(pair->key, change->key, change->key_size) &&
           same(pair->value, change->value, keys_only ? 0 : change->value_size) &&
           pair->create_revision == change->create_revision && pair->mod_revision == change->main &&
           pair->version == change->version && pair->lease == change->lease;
}

static void see(void *context, const struct kv_pair *pair)
{
    struct seen *seen = context;

    CHECK(seen->history, seen->count < seen->expected_count);
    CHECK(seen->history, matches(pair, seen->expected[seen->count], seen->keys_only));
    seen->count++;
}

static void check_range(struct history *history)
{
    uint8_t key_room[MODEL_KEY_BYTES_MAX], end_room[MODEL_KEY_BYTES_MAX];
    struct kv_range_request request = {.key = random_key(history, key_room),
                                       .range_end = random_end(history, end_room)};
    struct kv_range_result result;
    struct seen seen = {.history = history};
    int64_t at = history->model.revision;
    size_t handed_out;

    if (once_in(history, 2))
        at = request.revision = 1 + (int64_t)prng_below(&history->prng, (uint64_t)at);
    if (once_in(history, 2))
        request.limit = 1 + prng_below(&history->prng, history->keys);
    request.count_only = once_in(history, 5);
    seen.keys_only = request.keys_only = once_in(history, 5);
    if (at < history->model.compacted) {
        CHECK(history, kv_range(history->kv, &request, see, &seen, &result) == KV_COMPACTED);
        return;
    }
    seen.expected = model_range(&history->model, request.key, request.range_end, at,
                                &seen.expected_count);
    CHECK(history, kv_range(history->kv, &request, see, &seen, &result) == KV_OK);
    handed_out = request.limit > 0 && request.limit < seen.expected_count ? (size_t)request.limit
                                                                          : seen.expected_count;
    CHECK(history, seen.count == (request.count_only ? 0 : handed_out));
    CHECK(history, result.count == seen.expected_count);
    CHECK(history, result.more == (!request.count_only && handed_out < seen.expected_count));
    free(seen.expected);
}

static bool see_change(void *context, const struct kv_change *change)
{
    struct seen *seen = context;
    const struct model_change *expected = &seen->history->model.changes[seen->count];

    CHECK(seen->history, seen->count < seen->history->model.count);
    CHECK(seen->history, matches(&change->pair, expected, false));
    CHECK(seen->history, change->sub == expected->sub);
    CHECK(seen->history, change->deleted == expected->deleted);
    seen->count++;
    return true;
}

static void check_changes(struct history *history)
{
    struct seen seen = {.history = history};
    int64_t compacted = history->model.compacted;
    int64_t first = compacted < 0 ? 0 : compacted;

    if (!once_in(history, 3)) /* often at the very mark */
        first += (int64_t)prng_below(&history->prng,
                                     (uint64_t)(history->model.revision + 3 - first));
    while (seen.count < history->model.count && history->model.changes[seen.count].main < first)
        seen.count++;
    kv_changes(history->kv, first, see_change, &seen);
    CHECK(history, seen.count == history->model.count);
}

struct expected_keys {
    const struct history *history;
    const struct model_change **changes;
    size_t count, at;
    int64_t lease;
};

static void see_lease_key(void *context, struct kv_bytes key)
{
    struct expected_keys *expected = context;

    while (expected->at < expected->count &&
           expected->changes[expected->at]->lease != expected->lease)
        expected->at++;
    CHECK(expected->history, expected->at < expected->count);
    CHECK(expected->history, same(key, expected->changes[expected->at]->key,
                                  expected->changes[expected->at]->key_size));
    expected->at++;
}

static void check_leases(struct history *history)
{
    static const struct kv_bytes zero = {(const uint8_t *)"\0", 1};
    struct expected_keys expected = {.history = history};
    size_t at = 0, count = 0;
    struct kv_lease lease;

    expected.changes = model_range(&history->model, zero, zero, INT64_MAX, &expected.count);
    for (; kv_next_lease(history->kv, &at, &lease); count++) {
        const struct model_lease *granted = model_lease(&history->model, lease.id);
        size_t keys = 0;

        CHECK(history, granted != NULL);
        CHECK(history, lease.granted == granted->granted && lease.remaining == granted->remaining);
        for (size_t i = 0; i < expected.count; i++)
            keys += expected.changes[i]->lease == lease.id;
        CHECK(history, lease.key_count == keys);
        expected.at = 0;
        expected.lease = lease.id;
        kv_lease_keys(history->kv, lease.id, see_lease_key, &expected);
    }
    for (size_t i = 0; i < MODEL_LEASES_MAX; i++)
        count -= history->model.leases[i].id != 0;
    CHECK(history, count == 0);
    free(expected.changes);
}

static void check_hashes(struct history *history)
{
    int64_t revision = (int64_t)prng_below(&history->prng, (uint64_t)history->model.revision + 1);
    uint64_t one = 0, other = 1;

    if (revision > 0 && revision < history->model.compacted) {
        CHECK(history, kv_hash(history->kv, revision, &one) == KV_COMPACTED);
        return;
    }
    CHECK(history, kv_hash(history->kv, revision, &one) == KV_OK);
    CHECK(history, kv_hash(history->twin, revision, &other) == KV_OK);
    CHECK(history, one == other);
}

/* ---- steps ---- */

/* What journals keep is checked, but a store must not break even so. */
static void apply_damaged(struct history *history, const struct command *command)
{
    size_t size = command_size(command);
    uint8_t *data = malloc(size);
    struct kv_result result;

    assert_non_null(data);
    command_encode(command, data, size);
    for (uint64_t i = prng_below(&history->prng, 4); i > 0; i--)
        data[prng_below(&history->prng, size)] = (uint8_t)prng_next(&history->prng);
    if (once_in(history, 4))
        size = prng_below(&history->prng, size + 1);
    kv_apply(history->victim, data, size, &result);
    (void)kv_tidy(history->victim);
    free(data);
}

void apply_both(struct history *history, const struct command *command,
                struct kv_result *ret_result)
{
    enum kv_error twin = apply(history->twin, command).error;

    *ret_result = apply(history->kv, command);
    CHECK(history, ret_result->error == twin);
    apply_damaged(history, command);
}

static void step_put(struct history *history)
{
    uint8_t room[MODEL_KEY_BYTES_MAX], value[MODEL_VALUE_BYTES_MAX];
    struct command command = {.op = COMMAND_PUT};
    struct kv_bytes key = random_key(history, room);
    const struct model_change *before = model_get(&history->model, key, INT64_MAX);
    struct kv_result result;

    command.u.put = random_put(history, key, value);
    apply_both(history, &command, &result);
    CHECK(history, result.error == model_check_put(&history->model, &command.u.put));
    if (result.error == KV_OK) {
        CHECK(history, result.pair_count == (command.u.put.prev_kv && before != NULL));
        CHECK(history, result.pair_count == 0 || matches(result.pairs, before, false));
        model_put(&history->model, &command.u.put);
        model_end(&history->model);
    }
    CHECK(history, result.revision == history->model.revision);
}

static void step_delete_range(struct history *history)
{
    uint8_t key_room[MODEL_KEY_BYTES_MAX], end_room[MODEL_KEY_BYTES_MAX];
    struct command command = {.op = COMMAND_DELETE_RANGE};
    struct command_delete_range *delete_range = &command.u.delete_range;
    struct kv_result result;
    const struct model_change **before;
    size_t count;

    delete_range->key = random_key(history, key_room);
    if (once_in(history, 3))
        delete_range->range_end = random_end(history, end_room);
    delete_range->prev_kv = once_in(history, 2);
    before = model_range(&history->model, delete_range->key, delete_range->range_end, INT64_MAX,
                         &count);
    apply_both(history, &command, &result);
    CHECK(history, result.deleted == count);
    CHECK(history, result.pair_count == (delete_range->prev_kv ? count : 0));
    for (size_t i = 0; i < result.pair_count; i++)
        CHECK(history, matches(&result.pairs[i], before[i], false));
    free(before);
    CHECK(history,
          model_delete_range(&history->model, delete_range->key, delete_range->range_end) == count);
    model_end(&history->model);
    CHECK(history, result.revision == history->model.revision);
}

static void step_compact(struct history *history)
{
    struct command command = {.op = COMMAND_COMPACT};
    struct model *model = &history->model;
    struct kv_result result;
    int64_t revision = (int64_t)prng_below(&history->prng, (uint64_t)model->revision + 2);

    command.u.compact = (uint64_t)revision;
    apply_both(history, &command, &result);
    if (revision <= model->compacted) {
        CHECK(history, result.error == KV_COMPACTED);
    } else if (revision > model->revision) {
        CHECK(history, result.error == KV_FUTURE_REVISION);
    } else {
        CHECK(history, result.error == KV_OK);
        model->compacted = revision;
    }
    CHECK(history, kv_compacted(history->kv) == model->compacted);
    CHECK(history, result.revision == model->revision);
}

static void step_grant(struct history *history)
{
    struct command command = {.op = COMMAND_LEASE_GRANT};
    struct model_lease *place = model_lease(&history->model, 0);
    bool exists;
    struct kv_result result;

    command.u.lease_grant = (struct command_lease_grant){random_lease(history),
                                                         prng_below(&history->prng, 1000)};
    exists = model_lease(&history->model, command.u.lease_grant.id) != NULL;
    if (place == NULL && !exists)
        return; /* the model has no room for it */
    apply_both(history, &command, &result);
    CHECK(history, result.error == (exists ? KV_LEASE_EXISTS : KV_OK));
    CHECK(history, result.revision == history->model.revision);
    if (!exists)
        *place = (struct model_lease){.id = command.u.lease_grant.id,
                                      .granted = (int64_t)command.u.lease_grant.seconds};
}

static void step_revoke(struct history *history)
{
    struct command command = {.op = COMMAND_LEASE_REVOKE};
    struct kv_result result;

    command.u.lease_revoke = random_lease(history);
    apply_both(history, &command, &result);
    if (model_lease(&history->model, command.u.lease_revoke) == NULL) {
        CHECK(history, result.error == KV_LEASE_NOT_FOUND);
        return;
    }
    CHECK(history, result.error == KV_OK);
    CHECK(history, result.deleted == model_revoke(&history->model, command.u.lease_revoke));
    model_end(&history->model);
    CHECK(history, result.revision == history->model.revision);
}

static void step_checkpoint(struct history *history)
{
    struct command_lease_grant leases[2];
    struct command command = {
        .op = COMMAND_LEASE_CHECKPOINT,
        .u.checkpoint = {.stamp = kv_lease_stamp(history->kv), .leases = leases, .lease_count = 2}};
    struct kv_result result;

    for (size_t i = 0; i < 2; i++)
        leases[i] = (struct command_lease_grant){random_lease(history),
                                                 prng_below(&history->prng, 300)};
    apply_both(history, &command, &result);
    CHECK(history, result.error == KV_OK);
    for (size_t i = 0; i < 2; i++) {
        struct model_lease *lease = model_lease(&history->model, leases[i].id);

        if (lease != NULL)
            lease->remaining = (int64_t)leases[i].seconds;
    }
}

static void step_tidy(struct history *history)
{
    (void)kv_tidy(once_in(history, 3) ? history->twin : history->kv);
}

static void step(struct history *history)
{
    static const struct {
        unsigned weight;
        void (*play)(struct history *history);
    } steps[] = {{100, step_put},   {25, step_delete_range}, {30, step_txn},
                 {8, step_grant},   {3, step_revoke},        {3, step_checkpoint},
                 {3, step_compact}, {10, step_tidy},         {5, step_snapshot}};
    uint64_t pick = prng_below(&history->prng, 187);

    for (size_t i = 0;; i++) {
        if (pick < steps[i].weight) {
            steps[i].play(history);
            return;
        }
        pick -= steps[i].weight;
    }
}

/* ---- histories ---- */

/* With everything given up, what is alive is left, and what the last revision has deleted. */
static void check_tidied(struct history *history)
{
    struct command command = {.op = COMMAND_COMPACT};
    const struct model *model = &history->model;
    size_t deletions = 0;
    struct kv_stats stats;

    command.u.compact = (uint64_t)history->model.revision;
    (void)apply(history->kv, &command);
    while (kv_tidy(history->kv)) {}
    history->model.compacted = history->model.revision;
    check_leases(history);
    for (int i = 0; i < 5; i++)
        check_range(history);
    kv_stats(history->kv, &stats);
    for (size_t i = model->count; i > 0 && model->changes[i - 1].main == model->revision; i--)
        deletions += model->changes[i - 1].deleted;
    CHECK(history, stats.changes == stats.keys + deletions);
}

static void check_end(struct history *history)
{
    size_t alive;
    struct kv_bytes zero = {(const uint8_t *)"\0", 1};
    struct kv_range_request request = {.key = zero, .revision = history->model.revision + 1};
    struct kv_range_result result;
    struct kv_stats stats;

    free(model_range(&history->model, zero, zero, INT64_MAX, &alive));
    kv_stats(history->kv, &stats);
    CHECK(history, stats.keys == alive);
    CHECK(history, kv_range(history->kv, &request, see, NULL, &result) == KV_FUTURE_REVISION);
    CHECK(history, hash_of(history->kv) == hash_of(history->twin));
    CHECK(history, kv_revision(history->kv) == history->model.revision);
}

static void run_history(uint64_t seed, uint64_t keys, unsigned steps)
{
    struct history history = {.seed = seed, .keys = keys, .shape = (unsigned)(seed % 3)};
    uint64_t often = steps / 50 + 1;

    prng_init(&history.prng, seed);
    history.kv = kv_new(NULL);
    history.twin = kv_new(NULL);
    history.victim = kv_new(NULL);
    assert_non_null(history.kv);
    assert_non_null(history.victim);
    assert_non_null(history.twin);
    model_init(&history.model);
    for (unsigned i = 0; i < steps; i++) {
        step(&history);
        if (once_in(&history, often))
            check_range(&history);
        if (once_in(&history, 4 * often))
            check_hashes(&history);
        if (once_in(&history, 8 * often))
            check_changes(&history);
    }
    check_changes(&history);
    check_leases(&history);
    check_end(&history);
    end_snapshot(&history);
    check_tidied(&history);
    model_release(&history.model);
    kv_free(history.victim);
    kv_free(history.twin);
    kv_free(history.kv);
}

static void short_histories_of_few_keys(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++)
        run_history(seed, 1 + seed % 40, 60);
}

static void long_histories_of_few_keys(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++)
        run_history(seed, 1 + seed % 10, 500);
}

static void histories_of_many_keys(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 9; seed++)
        run_history(seed, 1000, 1000);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_histories_of_few_keys),
        cmocka_unit_test(long_histories_of_few_keys),
        cmocka_unit_test(histories_of_many_keys),
    };

    if (argc == 3) {
        run_history(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10), 1500);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
