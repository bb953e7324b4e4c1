/* SPDX-License-Identifier: MIT */
/* grpc_stream.c -- calls that are streams.
 *
 * A stream gets a turn when it opens, when a whole message has come, when the client has said all,
 * and when there is room for answers again. A turn hands on all messages that are whole. What the
 * handler does not take stays, and holds the client's window back, so that it sends no more.
 */
#include "grpc_inside.h"

#include <assert.h>
#include <stdio.h>

#include <decree/error.h>

#include "grpc_parse.h"

/* Trailers that say what went wrong. */
struct grpc_ending {
    nghttp2_nv trailers[2];
    char number[4];
    char text[GRPC_ERROR_TEXT_BYTES_MAX];
};

static const nghttp2_nv NO_MEMORY_TRAILERS[] = {GRPC_CONSTANT_NV("grpc-status", "8")};

void grpc_stream_reset(struct grpc_call *call)
{
    assert(list_alone(&call->stream_link));
    assert(call->ending == NULL);
    call->opened = false;
    call->half_closed = false;
    call->wants_writable = false;
}

static bool has_message(const struct grpc_call *call, size_t at)
{
    const struct byte_buffer *in = &call->stream.in;

    return in->size - at >= GRPC_PREFIX_BYTES &&
           in->size - at - GRPC_PREFIX_BYTES >= grpc_prefix_length(in->data + at);
}

void grpc_stream_on_body(struct grpc_call *call)
{
    if (has_message(call, 0))
        http2_offer(&call->stream);
}

/* ---- a turn ---- */

static void open_stream(struct grpc_call *call)
{
    if (!call->server->options.admit(call)) {
        assert(call->stream.answered);
        return;
    }
    call->opened = true;
    list_append(&call->server->streams, &call->stream_link);
    call->method->stream->open(call);
}

/* Hands on what is whole; the rest moves to the front. */
static void hand_on_messages(struct grpc_call *call)
{
    struct http2_stream *stream = &call->stream;
    bool full = false;
    size_t at = 0;

    while (!stream->answered && !full && has_message(call, at) && grpc_check_prefix(call, at)) {
        uint32_t size = grpc_prefix_length(stream->in.data + at);

        full = call->method->stream->message(call, stream->in.data + at + GRPC_PREFIX_BYTES,
                                             size) == DECREE_FULL;
        if (!full)
            grpc_count_received(call, size);
        at += full ? 0 : GRPC_PREFIX_BYTES + size;
    }
    if (stream->answered)
        return;
    http2_drop_part(stream, at);
    http2_pause(stream, full);
}

static void half_close(struct grpc_call *call)
{
    if (call->stream.in.size > 0) {
        grpc_stream_end(call, GRPC_INTERNAL, "unexpected EOF");
        return;
    }
    call->half_closed = true;
    call->method->stream->half_close(call);
}

void grpc_stream_turn(struct grpc_call *call)
{
    struct http2_stream *stream = &call->stream;

    if (!call->opened)
        open_stream(call);
    if (!stream->answered && call->wants_writable && !stream->wants_room) {
        call->wants_writable = false;
        if (call->method->stream->writable != NULL)
            call->method->stream->writable(call);
    }
    if (!stream->answered && !stream->paused)
        hand_on_messages(call);
    if (!stream->answered && !stream->paused && stream->complete && !call->half_closed)
        half_close(call);
    arena_reset(&call->server->arena);
}

void grpc_stream_resume(struct grpc_call *call)
{
    if (call->local != NULL)
        grpc_local_offer_again(call);
    if (call->stream.connection == NULL || call->stream.answered)
        return;
    call->stream.paused = false;
    http2_offer(&call->stream);
}

void grpc_stream_closed(struct grpc_call *call)
{
    free(call->ending);
    call->ending = NULL;
    if (!call->opened)
        return;
    list_remove(&call->stream_link);
    call->method->stream->gone(call);
}

/* ---- answers ---- */

/* Room for a message, its prefix written. */
static int begin_message(struct grpc_call *call, size_t size, uint8_t **ret_room)
{
    struct http2_stream *stream = &call->stream;
    int error;

    if ((stream->connection == NULL && call->local == NULL) || stream->answered)
        return DECREE_CLOSED;
    if (size > UINT32_MAX)
        return DECREE_TOO_LARGE;
    error = call->local != NULL
                ? grpc_local_room(call, GRPC_PREFIX_BYTES + size, ret_room)
                : http2_answer_room(stream, GRPC_PREFIX_BYTES + size,
                                    call->server->options.stream_unsent_bytes_max, ret_room);
    if (error != 0) {
        call->wants_writable = error == DECREE_FULL;
        return error;
    }
    if (!stream->begun && call->local == NULL)
        http2_answer_begin(stream, grpc_reply_headers, 2);
    grpc_prefix_write(*ret_room, (uint32_t)size);
    *ret_room += GRPC_PREFIX_BYTES;
    return 0;
}

static void end_message(struct grpc_call *call, size_t size)
{
    grpc_count_sent(call, size);
    if (call->local != NULL)
        grpc_local_more(call, GRPC_PREFIX_BYTES + size);
    else
        http2_answer_more(&call->stream, GRPC_PREFIX_BYTES + size);
}

int grpc_stream_send(struct grpc_call *call, const uint8_t *message, size_t size)
{
    uint8_t *room;
    int error = begin_message(call, size, &room);

    if (error != 0)
        return error;
    if (size > 0)
        memcpy(room, message, size);
    end_message(call, size);
    return 0;
}

int grpc_stream_send_message(struct grpc_call *call, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *room;
    int error = begin_message(call, size, &room);

    if (error != 0)
        return error;
    protobuf_c_message_pack(message, room);
    end_message(call, size);
    return 0;
}

/* NULL: no memory. */
static struct grpc_ending *new_ending(enum grpc_status status, const char *text)
{
    static const char NUMBER[] = "grpc-status", TEXT[] = "grpc-message";
    struct grpc_ending *ending = malloc(sizeof(*ending));
    size_t size;

    if (ending == NULL)
        return NULL;
    snprintf(ending->number, sizeof(ending->number), "%d", (int)status);
    size = grpc_escape(text, ending->text, sizeof(ending->text));
    ending->trailers[0] = (nghttp2_nv){(uint8_t *)(uintptr_t)NUMBER, (uint8_t *)ending->number,
                                       sizeof(NUMBER) - 1, strlen(ending->number), 0};
    ending->trailers[1] = (nghttp2_nv){(uint8_t *)(uintptr_t)TEXT, (uint8_t *)ending->text,
                                       sizeof(TEXT) - 1, size, 0};
    return ending;
}

void grpc_stream_end(struct grpc_call *call, enum grpc_status status, const char *text)
{
    struct http2_stream *stream = &call->stream;

    if (call->local != NULL && !stream->answered)
        grpc_local_answer(call, status, text);
    if (stream->connection == NULL || stream->answered)
        return;
    if (!stream->begun && status != GRPC_OK) {
        grpc_fail(call, status, text);
        return;
    }
    grpc_count_handled(call, status);
    deadline_disarm(&call->server->wheel, &call->deadline);
    if (!stream->begun)
        http2_answer_begin(stream, grpc_reply_headers, 2);
    if (status == GRPC_OK) {
        http2_answer_end(stream, grpc_reply_trailers, 1);
        return;
    }
    call->ending = new_ending(status, text);
    if (call->ending != NULL)
        http2_answer_end(stream, call->ending->trailers, 2);
    else
        http2_answer_end(stream, NO_MEMORY_TRAILERS, 1);
}

void grpc_stream_end_all(struct grpc_server *server)
{
    struct list_link *next;

    for (struct list_link *link = server->streams.next; link != &server->streams; link = next) {
        struct grpc_call *call = list_owner(link, struct grpc_call, stream_link);

        next = link->next;
        grpc_stream_end(call, GRPC_UNAVAILABLE, "etcdserver: server stopped");
    }
}

bool grpc_is_stream(const struct grpc_call *call)
{
    return call->method->stream != NULL && !call->method->stream->answers_once;
}

void grpc_each_stream(struct grpc_server *server, void (*visit)(struct grpc_call *call))
{
    struct list_link *next;

    for (struct list_link *link = server->streams.next; link != &server->streams; link = next) {
        struct grpc_call *call = list_owner(link, struct grpc_call, stream_link);

        next = link->next;
        if (!call->stream.answered && grpc_is_stream(call))
            visit(call);
    }
}
