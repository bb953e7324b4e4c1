/* SPDX-License-Identifier: MIT */
/* kv_history_snapshot.c -- snapshots in random histories: written at once from the twin and in
 * slices from the store, which goes on meanwhile; the two must be the same bytes. What is loaded
 * takes the twin's place, so that all that comes after holds it against the model.
 */
#include <stdlib.h>
#include <string.h>

#include "kv_help.h"
#include "kv_history.h"
#include "snapshot_format.h"

static void *not_null(void *memory)
{
    assert_non_null(memory);
    return memory;
}

/* Reads some of the writer's bytes, in a portion of any size. */
static void read_some(struct history *history, struct snapshot_writer *writer, struct bytes *bytes)
{
    size_t portion = 1 + (size_t)prng_below(&history->prng, 3000), got;

    bytes->data = not_null(realloc(bytes->data, bytes->size + portion));
    CHECK(history, snapshot_writer_read(writer, bytes->data + bytes->size, portion, &got));
    CHECK(history, got <= portion);
    bytes->size += got;
}

static struct bytes write_all(struct history *history, struct kv *kv)
{
    struct snapshot_writer *writer = not_null(snapshot_writer_new(kv));
    struct bytes bytes = {0};
    uint64_t total;

    while (snapshot_writer_measure(writer)) {}
    total = snapshot_writer_left(writer);
    while (snapshot_writer_left(writer) > 0)
        read_some(history, writer, &bytes);
    CHECK(history, bytes.size == total && total % SNAPSHOT_UNIT == 0);
    snapshot_writer_free(writer);
    return bytes;
}

static enum snapshot_error load(struct history *history, const struct bytes *bytes,
                                struct kv **ret_kv)
{
    struct snapshot_loader *loader = not_null(snapshot_loader_new(NULL));
    enum snapshot_error error = SNAPSHOT_OK;
    size_t at = 0;

    while (at < bytes->size && error == SNAPSHOT_OK) {
        size_t portion = 1 + (size_t)prng_below(&history->prng, 5000);

        portion = portion < bytes->size - at ? portion : bytes->size - at;
        error = snapshot_loader_add(loader, bytes->data + at, portion);
        at += portion;
    }
    if (error == SNAPSHOT_OK)
        error = snapshot_loader_finish(loader, ret_kv);
    snapshot_loader_free(loader);
    return error;
}

/* ---- hostile bytes ---- */

/* Sums every chunk anew, as far as they can be found. */
static void sum_again(struct bytes *bytes)
{
    struct snapshot_header header;
    const char *reason;
    uint64_t sum, at = SNAPSHOT_HEADER_BYTES;
    struct chunk_head head;

    if (snapshot_header_read(bytes->data, &header, &reason) == SNAPSHOT_FOREIGN)
        return;
    snapshot_header_write(&header, bytes->data);
    sum = snapshot_header_checksum(bytes->data);
    while (bytes->size - at >= SNAPSHOT_CHUNK_HEAD_BYTES &&
           snapshot_chunk_read(bytes->data + at, &head) &&
           head.bytes <= bytes->size - at - SNAPSHOT_CHUNK_HEAD_BYTES) {
        snapshot_chunk_write(bytes->data + at, head.bytes, head.count, head.kind, sum);
        sum = snapshot_chunk_checksum(bytes->data + at, sum);
        at += SNAPSHOT_CHUNK_HEAD_BYTES + head.bytes;
    }
}

/* Whatever was let in must be a store that can be lived with. */
static void live_with(struct history *history, struct kv *kv)
{
    static const struct kv_bytes zero = {(const uint8_t *)"\0", 1};
    struct command command = {.op = COMMAND_DELETE_RANGE};
    struct bytes bytes = write_all(history, kv);
    int64_t id = 1;

    (void)hash_of(kv);
    for (; id < 20; id++) {
        struct command revoke = {.op = COMMAND_LEASE_REVOKE, .u.lease_revoke = id};

        (void)apply(kv, &revoke);
    }
    (void)put(kv, "a", "1");
    command.u.delete_range = (struct command_delete_range){.key = zero, .range_end = zero};
    (void)apply(kv, &command);
    (void)put(kv, "a", "2");
    command = (struct command){.op = COMMAND_COMPACT, .u.compact = (uint64_t)kv_revision(kv)};
    (void)apply(kv, &command);
    while (kv_tidy(kv)) {}
    CHECK(history, strcmp(shown_range(kv, "a", "b", 0), "") != 0);
    free(bytes.data);
}

static void load_damaged(struct history *history, const struct bytes *whole)
{
    struct bytes bytes = {not_null(malloc(whole->size)), whole->size};
    struct kv *kv = NULL;
    bool summed = !once_in(history, 4);

    memcpy(bytes.data, whole->data, whole->size);
    if (once_in(history, 4))
        bytes.size = prng_below(&history->prng, bytes.size);
    for (uint64_t i = 1 + prng_below(&history->prng, 3); i > 0 && bytes.size > 0; i--)
        bytes.data[prng_below(&history->prng, bytes.size)] = (uint8_t)prng_next(&history->prng);
    if (summed && bytes.size >= SNAPSHOT_HEADER_BYTES)
        sum_again(&bytes);
    if (load(history, &bytes, &kv) == SNAPSHOT_OK) {
        CHECK(history, summed || memcmp(bytes.data, whole->data, whole->size) == 0);
        live_with(history, kv);
    }
    kv_free(kv);
    free(bytes.data);
}

/* ---- steps ---- */

static bool same_leases(struct kv *a, struct kv *b)
{
    struct kv_lease lease, other;
    size_t at = 0;

    while (kv_next_lease(a, &at, &lease))
        if (!kv_lease(b, lease.id, &other) || memcmp(&lease, &other, sizeof(lease)) != 0)
            return false;
    return kv_lease_stamp(a) == kv_lease_stamp(b);
}

static void check_loaded(struct history *history, struct kv *kv)
{
    int64_t first = history->model.compacted < 1 ? 1 : history->model.compacted;

    CHECK(history, kv_revision(kv) == history->model.revision);
    CHECK(history, kv_compacted(kv) == history->model.compacted);
    CHECK(history, same_leases(history->kv, kv) && same_leases(kv, history->kv));
    for (int64_t revision = first; revision <= history->model.revision; revision++) {
        uint64_t one = 0, other = 1;

        CHECK(history, kv_hash(history->kv, revision, &one) == KV_OK);
        CHECK(history, kv_hash(kv, revision, &other) == KV_OK);
        CHECK(history, one == other);
    }
}

static void begin(struct history *history)
{
    struct kv *loaded = NULL;

    history->expected = write_all(history, history->twin);
    CHECK(history, load(history, &history->expected, &loaded) == SNAPSHOT_OK);
    check_loaded(history, loaded);
    kv_free(history->twin);
    history->twin = loaded;
    load_damaged(history, &history->expected);
    history->writer = not_null(snapshot_writer_new(history->kv));
    history->is_measured = false;
}

void end_snapshot(struct history *history)
{
    snapshot_writer_free(history->writer);
    history->writer = NULL;
    free(history->expected.data);
    free(history->written.data);
    history->expected = history->written = (struct bytes){0};
}

void step_snapshot(struct history *history)
{
    if (history->writer == NULL) {
        begin(history);
    } else if (!history->is_measured) {
        history->is_measured = !snapshot_writer_measure(history->writer);
    } else if (snapshot_writer_left(history->writer) > 0) {
        read_some(history, history->writer, &history->written);
    } else {
        CHECK(history, history->written.size == history->expected.size);
        CHECK(history,
              memcmp(history->written.data, history->expected.data, history->expected.size) == 0);
        end_snapshot(history);
    }
}
