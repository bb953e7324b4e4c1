/* SPDX-License-Identifier: MIT */
/* snapshot_pump.c -- see snapshot_pump.h. */
#include "snapshot_pump.h"

#include <stdlib.h>
#include <string.h>

#include <decree/error.h>

#define TURN_NS UINT64_C(1000000)
#define STREAMS_MAX 8u
#define PATIENCE_MS (2u * 60 * 1000)
#define PATIENCE_BYTES ((uint64_t)8 << 20) /* for which there is as much time again */
#define GROWTH_BYTES_MIN ((uint64_t)256 << 20)
#define LOOK_MS_MAX 1000u

/* ---- a stream ---- */

void snapshot_stream_close(struct snapshot_stream *stream)
{
    if (stream->pump == NULL)
        return;
    list_remove(&stream->link);
    stream->pump->count--;
    stream->pump = NULL;
    snapshot_writer_free(stream->writer);
    sha256_free(stream->sum);
    free(stream->blob);
    stream->writer = NULL;
    stream->sum = NULL;
    stream->blob = NULL;
}

/* Closes it first: what it had is free whenever the client hears of the end. */
static void end(struct snapshot_stream *stream, enum grpc_status status, const char *text)
{
    snapshot_stream_close(stream);
    stream->sink->end(stream, status, text);
}

/* True: the blob is whole, or there is nothing more to come. */
static bool fill_blob(struct snapshot_stream *stream)
{
    size_t got;

    if (stream->blob_size == SNAPSHOT_BLOB_BYTES || snapshot_writer_left(stream->writer) == 0)
        return true;
    if (!snapshot_writer_read(stream->writer, stream->blob + stream->blob_size,
                              SNAPSHOT_BLOB_BYTES - stream->blob_size, &got)) {
        end(stream, GRPC_RESOURCE_EXHAUSTED, "decree: no memory for the snapshot");
        return false;
    }
    stream->blob_size += got;
    return stream->blob_size == SNAPSHOT_BLOB_BYTES || snapshot_writer_left(stream->writer) == 0;
}

static void wait_for_client(struct snapshot_stream *stream)
{
    list_remove(&stream->link);
    list_append(&stream->pump->waiting, &stream->link);
    stream->waiting_since_ms = uv_now(stream->pump->awake.loop);
}

/* Sends the blob; true: it is on its way. */
static bool send_blob(struct snapshot_stream *stream, uint64_t left)
{
    int error = stream->sink->send(stream, left, stream->blob, stream->blob_size);

    if (error == DECREE_FULL)
        wait_for_client(stream);
    else if (error != 0)
        end(stream, GRPC_RESOURCE_EXHAUSTED, "decree: no memory for the snapshot");
    return error == 0;
}

/* The sum is the last blob. */
static void make_sum(struct snapshot_stream *stream)
{
    sha256_end(stream->sum, stream->blob);
    stream->blob_size = SHA256_BYTES;
    stream->summed = true;
}

static void measure(struct snapshot_stream *stream)
{
    uint64_t patience_ms = stream->pump->patience_ms;

    stream->measured = !snapshot_writer_measure(stream->writer);
    if (stream->measured)
        stream->time_ms = patience_ms +
                          snapshot_writer_left(stream->writer) * patience_ms / PATIENCE_BYTES;
}

/* A bit of work, some 0.1 ms. */
static void work(struct snapshot_stream *stream)
{
    if (!stream->measured) {
        measure(stream);
    } else if (stream->summed) {
        if (send_blob(stream, 0))
            end(stream, GRPC_OK, "");
    } else if (fill_blob(stream)) {
        uint64_t left = snapshot_writer_left(stream->writer);

        if (!send_blob(stream, left))
            return;
        sha256_add(stream->sum, stream->blob, stream->blob_size);
        stream->blob_size = 0;
        if (left == 0)
            make_sum(stream);
    }
}

/* ---- turns ---- */

/* One after the other, each a bit. */
static void on_awake(uv_idle_t *awake)
{
    struct snapshot_pump *pump = awake->data;
    uint64_t until_ns = uv_hrtime() + TURN_NS;

    while (!list_alone(&pump->working) && uv_hrtime() < until_ns) {
        struct list_link *link = pump->working.next;

        list_remove(link);
        list_append(&pump->working, link);
        work(list_owner(link, struct snapshot_stream, link));
    }
    if (list_alone(&pump->working))
        uv_idle_stop(awake);
}

/* ---- how long, and at what price ---- */

static uint64_t record_bytes(const struct snapshot_pump *pump)
{
    struct kv_stats stats;

    kv_stats(pump->backend->ops->kv(pump->backend), &stats);
    return stats.record_bytes;
}

/* From none to the first. */
static void begin_to_pin(struct snapshot_pump *pump)
{
    struct backend_status status;
    uint64_t quota, bytes = record_bytes(pump);

    pump->backend->ops->status(pump->backend, &status);
    pump->pinned_bytes = bytes;
    pump->growth_max = bytes > GROWTH_BYTES_MIN ? bytes : GROWTH_BYTES_MIN;
    if (status.storage_quota_bytes < 0)
        return;
    quota = (uint64_t)status.storage_quota_bytes;
    if (quota < bytes || (quota - bytes) / 2 < pump->growth_max)
        pump->growth_max = quota < bytes ? 0 : (quota - bytes) / 2;
}

/* What came while a compaction waits: it may be that it is needed, but nobody can tell. */
static uint64_t growth(const struct snapshot_pump *pump)
{
    if (kv_is_tidy(pump->backend->ops->kv(pump->backend)))
        return 0;
    return record_bytes(pump) - pump->pinned_bytes;
}

static bool is_late(const struct snapshot_stream *stream, uint64_t now_ms)
{
    return stream->measured && now_ms - stream->begun_ms >= stream->time_ms;
}

static bool is_unread(const struct snapshot_stream *stream, uint64_t now_ms)
{
    return now_ms - stream->waiting_since_ms >= stream->pump->patience_ms;
}

static void end_those(struct list_link *list, uint64_t now_ms,
                      bool (*is)(const struct snapshot_stream *stream, uint64_t now_ms),
                      enum grpc_status status, const char *text)
{
    for (struct list_link *link = list->next, *next; link != list; link = next) {
        struct snapshot_stream *stream = list_owner(link, struct snapshot_stream, link);

        next = link->next;
        if (is(stream, now_ms))
            end(stream, status, text);
    }
}

static bool is_any(const struct snapshot_stream *stream, uint64_t now_ms)
{
    (void)now_ms;
    return stream->pump != NULL;
}

static void on_watch(uv_timer_t *timer)
{
    static const char SLOW[] = "decree: the snapshot was read too slowly";
    static const char DEAR[] = "decree: the snapshot was given up: the store has grown too much, "
                               "for compaction has to wait for those who read snapshots";
    struct snapshot_pump *pump = timer->data;
    uint64_t now_ms = uv_now(timer->loop);

    end_those(&pump->waiting, now_ms, is_unread, GRPC_DEADLINE_EXCEEDED,
              "decree: the snapshot was not read for too long");
    end_those(&pump->waiting, now_ms, is_late, GRPC_DEADLINE_EXCEEDED, SLOW);
    end_those(&pump->working, now_ms, is_late, GRPC_DEADLINE_EXCEEDED, SLOW);
    if (pump->count > 0 && growth(pump) > pump->growth_max) {
        end_those(&pump->waiting, now_ms, is_any, GRPC_RESOURCE_EXHAUSTED, DEAR);
        end_those(&pump->working, now_ms, is_any, GRPC_RESOURCE_EXHAUSTED, DEAR);
    }
    if (pump->count == 0)
        uv_timer_stop(timer);
}

/* ---- beginning ---- */

/* NULL: there may be one more. */
static const char *refusal(const struct snapshot_pump *pump)
{
    if (pump->count == STREAMS_MAX)
        return "decree: there are as many snapshots under way as may be; try again later";
    if (pump->count > 0 && growth(pump) > pump->growth_max / 2)
        return "decree: compaction waits for other snapshots; try again later";
    return NULL;
}

static void start_watch(struct snapshot_pump *pump)
{
    uint64_t look_ms = pump->patience_ms / 4 + 1 < LOOK_MS_MAX ? pump->patience_ms / 4 + 1
                                                               : LOOK_MS_MAX;

    begin_to_pin(pump);
    uv_timer_start(&pump->watch, on_watch, look_ms, look_ms);
}

void snapshot_stream_begin(struct snapshot_stream *stream, struct snapshot_pump *pump,
                           const struct snapshot_sink *sink)
{
    const char *why_not = refusal(pump);

    *stream = (struct snapshot_stream){
        .pump = pump, .sink = sink, .begun_ms = uv_now(pump->awake.loop)};
    list_init(&stream->link);
    list_append(&pump->working, &stream->link);
    if (++pump->count == 1)
        start_watch(pump);
    if (why_not != NULL) {
        end(stream, GRPC_RESOURCE_EXHAUSTED, why_not);
        return;
    }
    stream->writer = snapshot_writer_new(pump->backend->ops->kv(pump->backend));
    stream->sum = sha256_new();
    stream->blob = malloc(SNAPSHOT_BLOB_BYTES);
    if (stream->writer == NULL || stream->sum == NULL || stream->blob == NULL)
        end(stream, GRPC_RESOURCE_EXHAUSTED, "decree: no memory for the snapshot");
    else
        uv_idle_start(&pump->awake, on_awake);
}

void snapshot_stream_writable(struct snapshot_stream *stream)
{
    if (stream->pump == NULL)
        return;
    list_remove(&stream->link);
    list_append(&stream->pump->working, &stream->link);
    uv_idle_start(&stream->pump->awake, on_awake);
}

/* ---- the pump ---- */

void snapshot_pump_start(struct snapshot_pump *pump, uv_loop_t *loop, struct backend *backend,
                         uint32_t patience_ms)
{
    *pump = (struct snapshot_pump){.backend = backend,
                                   .open_handles = 2,
                                   .patience_ms = patience_ms > 0 ? patience_ms : PATIENCE_MS};
    list_init(&pump->working);
    list_init(&pump->waiting);
    uv_idle_init(loop, &pump->awake);
    uv_timer_init(loop, &pump->watch);
    pump->awake.data = pump->watch.data = pump;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct snapshot_pump *pump = handle->data;

    if (--pump->open_handles == 0)
        pump->closed(pump->closed_context);
}

void snapshot_pump_close(struct snapshot_pump *pump, void (*closed)(void *context), void *context)
{
    assert(pump->count == 0);
    pump->closed = closed;
    pump->closed_context = context;
    uv_close((uv_handle_t *)&pump->awake, on_handle_closed);
    uv_close((uv_handle_t *)&pump->watch, on_handle_closed);
}
