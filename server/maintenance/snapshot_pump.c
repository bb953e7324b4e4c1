/* SPDX-License-Identifier: MIT */
/* snapshot_pump.c -- see snapshot_pump.h. */
#include "snapshot_pump.h"

#include <stdlib.h>
#include <string.h>

#include <decree/error.h>

#define TURN_NS UINT64_C(1000000)
#define STREAMS_MAX 8u
#define PATIENCE_MS (2u * 60 * 1000)

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

/* A bit of work, some 0.1 ms. */
static void work(struct snapshot_stream *stream)
{
    if (!stream->measured) {
        stream->measured = !snapshot_writer_measure(stream->writer);
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

static void on_patience(uv_timer_t *timer)
{
    struct snapshot_pump *pump = timer->data;
    uint64_t now_ms = uv_now(timer->loop);

    for (struct list_link *link = pump->waiting.next, *next; link != &pump->waiting; link = next) {
        struct snapshot_stream *stream = list_owner(link, struct snapshot_stream, link);

        next = link->next;
        if (now_ms - stream->waiting_since_ms >= pump->patience_ms)
            end(stream, GRPC_DEADLINE_EXCEEDED, "decree: the snapshot was not read for too long");
    }
}

void snapshot_stream_begin(struct snapshot_stream *stream, struct snapshot_pump *pump,
                           const struct kv *kv, const struct snapshot_sink *sink)
{
    *stream = (struct snapshot_stream){.pump = pump, .sink = sink};
    list_init(&stream->link);
    list_append(&pump->working, &stream->link);
    if (++pump->count > STREAMS_MAX) {
        end(stream, GRPC_RESOURCE_EXHAUSTED,
            "decree: there are as many snapshots under way as may be; try again later");
        return;
    }
    stream->writer = snapshot_writer_new(kv);
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

void snapshot_pump_start(struct snapshot_pump *pump, uv_loop_t *loop, uint32_t patience_ms)
{
    *pump = (struct snapshot_pump){.open_handles = 2,
                                   .patience_ms = patience_ms > 0 ? patience_ms : PATIENCE_MS};
    list_init(&pump->working);
    list_init(&pump->waiting);
    uv_idle_init(loop, &pump->awake);
    uv_timer_init(loop, &pump->patience);
    pump->awake.data = pump->patience.data = pump;
    uv_timer_start(&pump->patience, on_patience, pump->patience_ms, pump->patience_ms / 4 + 1);
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
    uv_close((uv_handle_t *)&pump->patience, on_handle_closed);
}
