/* SPDX-License-Identifier: MIT */
/* watch_messages.h -- the messages of etcdserverpb.Watch as plain structs and bytes.
 *
 * A response's events are most of it, and one event goes to many watches: it is written once, as
 * the bytes of the response's field 11, and copied into each response.
 */
#ifndef DECREE_SERVER_WATCH_MESSAGES_H
#define DECREE_SERVER_WATCH_MESSAGES_H

#include "kv_messages.h"

/* Of a response's fields those by which others than clients go. */
enum watch_response_field { WATCH_RESPONSE_CANCELLED = 4, WATCH_RESPONSE_EVENTS = 11 };

enum watch_request_kind { WATCH_REQUEST_NONE, WATCH_CREATE, WATCH_CANCEL, WATCH_PROGRESS };

struct watch_request {
    enum watch_request_kind kind;
    struct kv_bytes key, range_end; /* create; borrowed from the message */
    int64_t start_revision;         /* 0: from now on */
    int64_t id;                     /* create: 0 if the server is to choose; cancel */
    bool progress_notify, prev_kv, fragment, no_put, no_delete;
};

/* False: malformed. A request of none of the kinds that are known is NONE. */
bool watch_request_read(const uint8_t *message, size_t size, struct watch_request *ret_request);

struct watch_response { /* without its events */
    struct response_header header;
    int64_t id;
    bool created, cancelled;
    int64_t compact_revision;
    const char *cancel_reason; /* NULL: none */
};

void watch_response_write(struct byte_buffer *out, const struct watch_response *response);

/* Begins a response that has events only, which follow. head: its header, written before. */
void watch_events_begin(struct byte_buffer *out, const struct byte_buffer *head, int64_t id);

/* Says that the rest of the events comes in another response. */
void watch_response_fragment(struct byte_buffer *out);

/* An event; previous is NULL if it is not wanted, or there was none. */
void watch_event_write(struct byte_buffer *out, const struct kv_change *change,
                       const struct kv_pair *previous);

#endif
