/* SPDX-License-Identifier: MIT */
/* watch_messages.c -- see watch_messages.h. Field numbers are those of proto/rpc.proto and
 * proto/kv.proto. */
#include "watch_messages.h"

enum { FILTER_NOPUT = 0, FILTER_NODELETE = 1 };

static void set_filter(struct watch_request *request, uint64_t filter)
{
    request->no_put = request->no_put || filter == FILTER_NOPUT;
    request->no_delete = request->no_delete || filter == FILTER_NODELETE;
}

/* One number, or many in a row as bytes: both are allowed. */
static bool read_filters(struct watch_request *request, const struct wire_item *item)
{
    struct reader reader;

    if (!item->is_bytes) {
        set_filter(request, item->number);
        return true;
    }
    reader_init(&reader, item->bytes.data, item->bytes.size);
    while (!reader.failed && reader_left(&reader) > 0) {
        uint64_t filter = read_varint(&reader);

        if (!reader.failed)
            set_filter(request, filter);
    }
    return !reader.failed;
}

/* False: the field is not of its type. Of a field that comes twice the last counts. */
static bool read_create_item(struct watch_request *request, const struct wire_item *item)
{
    bool wants_bytes = item->field <= 2;

    if (item->field == 5)
        return read_filters(request, item);
    if (item->field <= 8 && wants_bytes != item->is_bytes)
        return false;
    switch (item->field) {
    case 1:
        request->key = item->bytes;
        break;
    case 2:
        request->range_end = item->bytes;
        break;
    case 3:
        request->start_revision = (int64_t)item->number;
        break;
    case 4:
        request->progress_notify = item->number != 0;
        break;
    case 6:
        request->prev_kv = item->number != 0;
        break;
    case 7:
        request->id = (int64_t)item->number;
        break;
    case 8:
        request->fragment = item->number != 0;
        break;
    default: /* a field of a later version */
        break;
    }
    return true;
}

static bool read_body(struct watch_request *request, struct kv_bytes body)
{
    struct reader reader;
    struct wire_item item;

    reader_init(&reader, body.data, body.size);
    while (wire_next(&reader, &item)) {
        if (request->kind == WATCH_CREATE && !read_create_item(request, &item))
            return false;
        if (request->kind == WATCH_CANCEL && item.field == 1) {
            if (item.is_bytes)
                return false;
            request->id = (int64_t)item.number;
        }
    }
    return !reader.failed;
}

bool watch_request_read(const uint8_t *message, size_t size, struct watch_request *ret_request)
{
    struct reader reader;
    struct wire_item item;

    *ret_request = (struct watch_request){.kind = WATCH_REQUEST_NONE};
    reader_init(&reader, message, size);
    while (wire_next(&reader, &item)) {
        if (item.field > 3)
            continue;
        if (!item.is_bytes)
            return false;
        *ret_request = (struct watch_request){.kind = (enum watch_request_kind)item.field};
        if (!read_body(ret_request, item.bytes))
            return false;
    }
    return !reader.failed;
}

_Static_assert(WATCH_CREATE == 1 && WATCH_CANCEL == 2 && WATCH_PROGRESS == 3,
               "the kinds are the numbers of the request's fields");

void watch_response_write(struct byte_buffer *out, const struct watch_response *response)
{
    response_header_write(out, &response->header);
    number_write(out, 2, (uint64_t)response->id);
    number_write(out, 3, response->created ? 1 : 0);
    number_write(out, 4, response->cancelled ? 1 : 0);
    number_write(out, 5, (uint64_t)response->compact_revision);
    if (response->cancel_reason != NULL) {
        size_t begun = message_begin(out, 6);

        byte_buffer_append(out, response->cancel_reason, strlen(response->cancel_reason));
        message_end(out, begun);
    }
}

void watch_events_begin(struct byte_buffer *out, const struct byte_buffer *head, int64_t id)
{
    byte_buffer_append(out, head->data, head->size);
    number_write(out, 2, (uint64_t)id);
    out->failed = out->failed || head->failed;
}

void watch_response_fragment(struct byte_buffer *out)
{
    number_write(out, 7, 1);
}

void watch_event_write(struct byte_buffer *out, const struct kv_change *change,
                       const struct kv_pair *previous)
{
    size_t begun = message_begin(out, 11);

    number_write(out, 1, change->deleted ? 1 : 0);
    pair_write(out, 2, &change->pair, false);
    if (previous != NULL)
        pair_write(out, 3, previous, false);
    message_end(out, begun);
}
