/* SPDX-License-Identifier: MIT */
/* snapshot_pump.h -- all snapshots that clients take just now: a bit of work on them in each turn of
 * the loop.
 *
 *     snapshot_stream_begin() --> measured, then blobs of 32 KiB and a sum --> sink.send x N, sink.end
 *                                        send was FULL: waits for snapshot_stream_writable()
 *
 * The work of one turn is bounded in time, however many there are; a snapshot whose client does not
 * read waits and costs no work.
 *
 * As long as there is one, compaction gives nothing back, and what is overwritten stays in memory and
 * counts for the quota. So a snapshot is given up
 *
 *     when its client has read nothing for two minutes,
 *     when it takes longer than two minutes, and two more for every 8 MiB of it,
 *
 * and all are, when the records have grown too much since there was none, while a compaction waits:
 * by as much as they were, or 256 MiB if they were less, or half of what the quota had left. When half of
 * that has come no new one begins, so that those under way can end.
 */
#ifndef DECREE_SERVER_SNAPSHOT_PUMP_H
#define DECREE_SERVER_SNAPSHOT_PUMP_H

#include <uv.h>

#include "linked_list.h"
#include "services.h"
#include "sha256.h"
#include "snapshot.h"

#define SNAPSHOT_BLOB_BYTES (32u << 10)

struct snapshot_stream;

struct snapshot_sink {
    /* A blob, and how many bytes follow it before the sum. FULL: not taken, writable comes; CLOSED:
     * nobody listens; NOMEM. */
    int (*send)(struct snapshot_stream *stream, uint64_t left, const uint8_t *blob, size_t size);
    /* The stream is over; text belongs to an error. */
    void (*end)(struct snapshot_stream *stream, enum grpc_status status, const char *text);
};

struct snapshot_pump {
    struct backend *backend;
    uv_idle_t awake;  /* active while there is work */
    uv_timer_t watch; /* looks for those that take too long, or cost too much */
    struct list_link working, waiting;
    uint32_t count;
    uint64_t patience_ms;
    uint64_t pinned_bytes; /* of records, when the first of those under way began */
    uint64_t growth_max;
    int open_handles;
    void (*closed)(void *context);
    void *closed_context;
};

struct snapshot_stream { /* the caller's; zeroed before it begins */
    struct list_link link;
    struct snapshot_pump *pump; /* NULL: it is over, or has not begun */
    const struct snapshot_sink *sink;
    struct snapshot_writer *writer;
    struct sha256 *sum;
    uint8_t *blob;
    size_t blob_size;
    uint64_t begun_ms, waiting_since_ms;
    uint64_t time_ms; /* that it may take, once it is measured */
    bool measured, summed;
};

/* patience_ms: 0 takes the default, two minutes. The backend is borrowed until it is closed. */
void snapshot_pump_start(struct snapshot_pump *pump, uv_loop_t *loop, struct backend *backend,
                         uint32_t patience_ms);

/* When there are no streams any more. */
void snapshot_pump_close(struct snapshot_pump *pump, void (*closed)(void *context), void *context);

/* A snapshot of the store as it is now; sink.end may come before this returns, if there are too many
 * already, or there is no memory. */
void snapshot_stream_begin(struct snapshot_stream *stream, struct snapshot_pump *pump,
                           const struct snapshot_sink *sink);
void snapshot_stream_writable(struct snapshot_stream *stream);

/* Gives up what it has; sink.end does not come. Also of one that is over, or never began. */
void snapshot_stream_close(struct snapshot_stream *stream);

#endif
