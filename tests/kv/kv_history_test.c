/* SPDX-License-Identifier: MIT */
/* kv_history_test.c -- thousands of random histories, each held against the slow model while it
 * grows: results, every form of range, the present and the past, the stream of changes, and a twin
 * that must hash alike.
 *
 * A failure names its seed; `kv_history_test SEED KEYS` runs that history alone.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kv.h"
#include "kv_help.h"
#include "kv_model.h"
#include "prng.h"

struct history {
    struct kv *kv, *twin;
    struct model model;
    struct prng prng;
    uint64_t seed, keys; /* about as many different keys come up */
    unsigned shape;
};

struct seen { /* what a range handed out, so far as it agreed */
    const struct history *history;
    const struct model_change **expected;
    size_t expected_count, count;
    bool keys_only;
};

#define CHECK(history, condition)                                                              \
    do {                                                                                       \
        if (!(condition))                                                                      \
            fail_msg("seed %" PRIu64 " keys %" PRIu64 " at revision %" PRId64 ": %s",          \
                     (history)->seed, (history)->keys, (history)->model.revision, #condition); \
    } while (0)

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
static struct kv_bytes random_key(struct history *history, uint8_t *room)
{
    static const uint8_t few[] = {0x00, 0x01, 'a', 'b', 0xff};
    static const char front[] = "/registry/pods/namespace/";
    uint64_t number = prng_below(&history->prng, history->keys);
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

static struct kv_bytes random_end(struct history *history, uint8_t *room)
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

static bool matches(const struct kv_pair *pair, const struct model_change *change, bool keys_only)
{
    return same(pair->key, change->key, change->key_size) &&
           same(pair->value, change->value, keys_only ? 0 : change->value_size) &&
           pair->create_revision == change->create_revision && pair->mod_revision == change->main &&
           pair->version == change->version && pair->lease == 0;
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

    if (prng_chance(&history->prng, 500000))
        at = request.revision = 1 + (int64_t)prng_below(&history->prng, (uint64_t)at);
    if (prng_chance(&history->prng, 500000))
        request.limit = 1 + prng_below(&history->prng, history->keys);
    request.count_only = prng_chance(&history->prng, 200000);
    seen.keys_only = request.keys_only = prng_chance(&history->prng, 200000);
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

static void apply_both(struct history *history, const struct command *command,
                       struct kv_result *ret_result)
{
    (void)apply(history->twin, command);
    *ret_result = apply(history->kv, command);
    CHECK(history, ret_result->error == KV_OK);
}

static void step_put(struct history *history)
{
    uint8_t room[MODEL_KEY_BYTES_MAX], value[MODEL_VALUE_BYTES_MAX];
    struct command command = {.op = COMMAND_PUT};
    struct kv_bytes key = random_key(history, room);
    const struct model_change *before = model_get(&history->model, key, INT64_MAX);
    struct kv_result result;

    command.u.put = (struct command_put){
        .key = key, .value = {value, append_number(value, prng_next(&history->prng), 200, 3)}};
    command.u.put.value.size = prng_below(&history->prng, command.u.put.value.size + 1);
    command.u.put.prev_kv = prng_chance(&history->prng, 500000);
    apply_both(history, &command, &result);
    CHECK(history, result.pair_count == (command.u.put.prev_kv && before != NULL));
    CHECK(history, result.pair_count == 0 || matches(result.pairs, before, false));
    model_put(&history->model, key, command.u.put.value);
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
    if (prng_chance(&history->prng, 300000))
        delete_range->range_end = random_end(history, end_room);
    delete_range->prev_kv = prng_chance(&history->prng, 500000);
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
    CHECK(history, result.revision == history->model.revision);
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
    int64_t first = (int64_t)prng_below(&history->prng, (uint64_t)history->model.revision + 3);

    while (seen.count < history->model.count && history->model.changes[seen.count].main < first)
        seen.count++;
    kv_changes(history->kv, first, see_change, &seen);
    CHECK(history, seen.count == history->model.count);
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
    CHECK(history, stats.changes == history->model.count);
    CHECK(history, kv_range(history->kv, &request, see, NULL, &result) == KV_FUTURE_REVISION);
    CHECK(history, hash_of(history->kv) == hash_of(history->twin));
    CHECK(history, kv_revision(history->kv) == history->model.revision);
}

static void run_history(uint64_t seed, uint64_t keys, unsigned steps)
{
    struct history history = {.seed = seed, .keys = keys, .shape = (unsigned)(seed % 3)};
    unsigned often = steps / 50 + 1;

    prng_init(&history.prng, seed);
    history.kv = kv_new(NULL);
    history.twin = kv_new(NULL);
    assert_non_null(history.kv);
    assert_non_null(history.twin);
    model_init(&history.model);
    for (unsigned step = 0; step < steps; step++) {
        if (prng_chance(&history.prng, 800000))
            step_put(&history);
        else
            step_delete_range(&history);
        if (prng_below(&history.prng, often) == 0)
            check_range(&history);
    }
    check_changes(&history);
    check_end(&history);
    model_release(&history.model);
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
