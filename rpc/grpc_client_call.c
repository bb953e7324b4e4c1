/* SPDX-License-Identifier: MIT */
/* grpc_client_call.c -- calls, and what nghttp2 reports of them. */
#include "grpc_client_inside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <decree/error.h>

#include "grpc_parse.h"

#define UNSENT_BYTES_MAX (1024u * 1024)

static void finish_call(struct grpc_client *connection, struct grpc_client_call *call)
{
    list_remove(&call->link);
    if (connection->session != NULL && call->stream_id > 0)
        nghttp2_session_set_stream_user_data(connection->session, call->stream_id, NULL);
    byte_buffer_release(&call->out);
    call->done(call);
}

void client_end_calls(struct grpc_client *connection, const char *reason)
{
    while (!list_alone(&connection->calls)) {
        struct grpc_client_call *call = list_owner(connection->calls.next, struct grpc_client_call,
                                                   link);

        reply_fail(&call->reply, GRPC_UNAVAILABLE, reason);
        finish_call(connection, call);
    }
}

/* ---- what nghttp2 reports ---- */

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *user)
{
    struct grpc_client_call *call = nghttp2_session_get_stream_user_data(session,
                                                                         frame->hd.stream_id);

    (void)flags;
    (void)user;
    if (call != NULL)
        reply_header(&call->reply, name, name_size, value, value_size);
    return 0;
}

/* Whole messages go to the caller, who may give the call up in between. */
static void report_messages(nghttp2_session *session, struct grpc_client_call *call,
                            int32_t stream_id)
{
    size_t at = 0, size;
    const uint8_t *message;

    while ((message = reply_next_message(&call->reply, at, &size)) != NULL) {
        at += REPLY_HEAD_BYTES + size;
        call->message(call, message, size);
        if (nghttp2_session_get_stream_user_data(session, stream_id) != call)
            return;
    }
    reply_drop(&call->reply, at);
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                   size_t size, void *user)
{
    struct grpc_client_call *call = nghttp2_session_get_stream_user_data(session, stream_id);

    (void)flags;
    (void)user;
    if (call == NULL)
        return 0;
    reply_data(&call->reply, data, size);
    if (call->message != NULL)
        report_messages(session, call, stream_id);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct grpc_client *connection = user;

    (void)session;
    if (frame->hd.type == NGHTTP2_SETTINGS && !connection->is_ready && !connection->has_ended) {
        connection->is_ready = true;
        connection->sink.ready(connection->sink.context);
    }
    return 0;
}

static int on_stream_closed(nghttp2_session *session, int32_t stream_id, uint32_t error_code,
                            void *user)
{
    struct grpc_client *connection = user;
    struct grpc_client_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
    char text[128];

    if (call == NULL)
        return 0;
    if (error_code == NGHTTP2_NO_ERROR || call->reply.has_status) {
        reply_finish(&call->reply, call->message != NULL);
    } else {
        snprintf(text, sizeof(text), "the server has reset the stream: %s",
                 nghttp2_http2_strerror(error_code));
        reply_fail(&call->reply,
                   error_code == NGHTTP2_REFUSED_STREAM ? GRPC_UNAVAILABLE : GRPC_INTERNAL, text);
        call->surely_not_done = error_code == NGHTTP2_REFUSED_STREAM;
    }
    finish_call(connection, call);
    return 0;
}

void client_set_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_closed);
}

/* ---- sending ---- */

/* The next bytes of a stream's messages. */
static ssize_t read_stream(struct grpc_client_call *call, uint8_t *target, size_t room,
                           uint32_t *ret_flags)
{
    size_t left = call->out.size - call->out_sent;
    size_t size = left < room ? left : room;

    if (size > 0)
        memcpy(target, call->out.data + call->out_sent, size);
    call->out_sent += size;
    if (call->out_sent == call->out.size)
        call->out.size = call->out_sent = 0;
    if (call->half_closed && size == left) {
        *ret_flags |= NGHTTP2_DATA_FLAG_EOF;
        return (ssize_t)size;
    }
    call->is_idle = size == 0;
    return call->is_idle ? NGHTTP2_ERR_DEFERRED : (ssize_t)size;
}

static ssize_t read_body(nghttp2_session *session, int32_t stream_id, uint8_t *target, size_t room,
                         uint32_t *ret_flags, nghttp2_data_source *source, void *user)
{
    struct grpc_client_call *call = nghttp2_session_get_stream_user_data(session, stream_id);
    size_t size;

    (void)source;
    (void)user;
    if (call == NULL) /* given up meanwhile */
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (call->message != NULL)
        return read_stream(call, target, room, ret_flags);
    size = call->body_size - call->body_sent;
    size = size < room ? size : room;
    memcpy(target, call->body + call->body_sent, size);
    call->body_sent += size;
    if (call->body_sent == call->body_size)
        *ret_flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)size;
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .namelen = strlen(name),
                        .value = (uint8_t *)(uintptr_t)value,
                        .valuelen = strlen(value)};
}

void grpc_client_start(struct grpc_client *connection, struct grpc_client_call *call)
{
    char timeout[32];
    nghttp2_nv fields[9];
    size_t count = 0;
    nghttp2_data_provider body = {.read_callback = read_body};

    assert(connection->is_ready);
    assert(call->done != NULL);
    reply_init(&call->reply);
    call->surely_not_done = false;
    call->body_sent = 0;
    call->out = (struct byte_buffer){0};
    call->out_sent = 0;
    call->half_closed = call->is_idle = call->wants_room = false;
    list_init(&call->link);
    list_append(&connection->calls, &call->link);
    if (call->message != NULL)
        byte_buffer_append(&call->out, call->body, call->body_size);
    snprintf(timeout, sizeof(timeout), "%llum",
             (unsigned long long)(call->timeout_ms % 100000000u));
    fields[count++] = field(":method", "POST");
    fields[count++] = field(":scheme", "http");
    fields[count++] = field(":path", call->path);
    fields[count++] = field(":authority", connection->endpoint.name);
    fields[count++] = field("te", "trailers");
    fields[count++] = field("content-type", "application/grpc");
    fields[count++] = field("user-agent", "decree");
    if (call->timeout_ms > 0)
        fields[count++] = field("grpc-timeout", timeout);
    if (call->requires_leader)
        fields[count++] = field("hasleader", "true");
    call->stream_id = nghttp2_submit_request(connection->session, NULL, fields, count, &body, call);
    if (connection->has_ended || call->stream_id < 0 || call->out.failed) {
        reply_fail(&call->reply, GRPC_UNAVAILABLE, "the connection takes no more calls");
        call->surely_not_done = true;
        finish_call(connection, call);
        return;
    }
    client_note_dirty(connection);
}

void grpc_client_cancel(struct grpc_client *connection, struct grpc_client_call *call,
                        enum grpc_status code, const char *text)
{
    assert(call->stream_id > 0);
    assert(code != GRPC_OK);
    nghttp2_submit_rst_stream(connection->session, NGHTTP2_FLAG_NONE, call->stream_id,
                              NGHTTP2_CANCEL);
    reply_fail(&call->reply, code, text);
    finish_call(connection, call);
    client_note_dirty(connection);
}

/* ---- streams ---- */

static void go_on(struct grpc_client *connection, struct grpc_client_call *call)
{
    if (call->is_idle)
        nghttp2_session_resume_data(connection->session, call->stream_id);
    call->is_idle = false;
    client_note_dirty(connection);
}

static void drop_sent(struct grpc_client_call *call)
{
    size_t left = call->out.size - call->out_sent;

    if (call->out_sent == 0 || call->out_sent < left)
        return;
    memmove(call->out.data, call->out.data + call->out_sent, left);
    call->out.size = left;
    call->out_sent = 0;
}

int grpc_client_send(struct grpc_client *connection, struct grpc_client_call *call,
                     const uint8_t *message, size_t size)
{
    size_t unsent = call->out.size - call->out_sent;
    uint8_t *room;

    assert(call->message != NULL);
    assert(!call->half_closed);
    if (size > UINT32_MAX)
        return DECREE_TOO_LARGE;
    if (unsent > 0 && unsent + REPLY_HEAD_BYTES + size > UNSENT_BYTES_MAX) {
        call->wants_room = true;
        return DECREE_FULL;
    }
    drop_sent(call);
    room = byte_buffer_reserve(&call->out, REPLY_HEAD_BYTES + size);
    call->out.failed = false;
    if (room == NULL)
        return DECREE_NOMEM;
    grpc_prefix_write(room, (uint32_t)size);
    if (size > 0)
        memcpy(room + REPLY_HEAD_BYTES, message, size);
    byte_buffer_grew(&call->out, REPLY_HEAD_BYTES + size);
    go_on(connection, call);
    return 0;
}

void grpc_client_half_close(struct grpc_client *connection, struct grpc_client_call *call)
{
    assert(call->message != NULL);
    call->half_closed = true;
    go_on(connection, call);
}

/* After a flush, outside of nghttp2. */
void client_tell_writable(struct grpc_client *connection)
{
    struct list_link *link = connection->calls.next;

    while (link != &connection->calls && !connection->has_ended) {
        struct grpc_client_call *call = list_owner(link, struct grpc_client_call, link);

        link = link->next;
        if (!call->wants_room || call->out.size - call->out_sent > UNSENT_BYTES_MAX / 2)
            continue;
        call->wants_room = false;
        if (call->writable != NULL) {
            call->writable(call);
            link = connection->calls.next; /* any may be gone by now */
        }
    }
}
