/* SPDX-License-Identifier: MIT */
/* fake_server.c -- the scripted server: one libuv loop in a thread of its own. */
#include "fake_server.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <nghttp2/nghttp2.h>
#include <uv.h>

struct fake_server {
    const struct fake_answer *answer;
    uv_thread_t thread;
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_async_t stop;
    char endpoint[32];
    unsigned calls;
};

struct peer { /* one connection */
    uv_tcp_t tcp;
    struct fake_server *server;
    nghttp2_session *session;
    char input[4096];
};

struct output {
    uv_write_t request;
    uint8_t data[];
};

static void on_peer_closed(uv_handle_t *handle)
{
    struct peer *peer = handle->data;

    nghttp2_session_del(peer->session);
    free(peer);
}

static void hang_up(struct peer *peer)
{
    if (!uv_is_closing((uv_handle_t *)&peer->tcp))
        uv_close((uv_handle_t *)&peer->tcp, on_peer_closed);
}

static void on_written(uv_write_t *request, int status)
{
    (void)status;
    free(request->data);
}

static void write_out(struct peer *peer, const void *data, size_t size)
{
    struct output *output = malloc(sizeof(*output) + size);
    uv_buf_t buffer;

    assert(output != NULL);
    memcpy(output->data, data, size);
    output->request.data = output;
    buffer = uv_buf_init((char *)output->data, (unsigned)size);
    if (uv_write(&output->request, (uv_stream_t *)&peer->tcp, &buffer, 1, on_written) != 0)
        free(output);
}

static nghttp2_nv field(const char *name, const char *value)
{
    value = value != NULL ? value : "";
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .namelen = strlen(name),
                        .value = (uint8_t *)(uintptr_t)value,
                        .valuelen = strlen(value)};
}

static ssize_t read_body(nghttp2_session *session, int32_t stream_id, uint8_t *target, size_t room,
                         uint32_t *ret_flags, nghttp2_data_source *source, void *user)
{
    const struct fake_answer *answer = source->ptr;
    nghttp2_nv trailers[2] = {field("grpc-status", answer->status),
                              field("grpc-message", answer->text)};

    (void)user;
    assert(answer->body_size <= room);
    memcpy(target, answer->body, answer->body_size);
    *ret_flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_submit_trailer(session, stream_id, trailers, 2);
    return (ssize_t)answer->body_size;
}

static void answer_call(struct peer *peer, int32_t stream_id)
{
    const struct fake_answer *answer = peer->server->answer;
    nghttp2_data_provider body = {.source.ptr = (void *)(uintptr_t)answer,
                                  .read_callback = read_body};
    nghttp2_nv heads[] = {field(":status", answer->behaviour == FAKE_PLAIN_HTTP ? "503" : "200"),
                          field("content-type", "application/grpc"),
                          field("grpc-status", answer->status),
                          field("grpc-message", answer->text)};

    peer->server->calls++;
    switch (answer->behaviour) {
    case FAKE_ANSWER:
        if (answer->body != NULL)
            nghttp2_submit_response(peer->session, stream_id, heads, 2, &body);
        else /* an error comes as trailers alone */
            nghttp2_submit_response(peer->session, stream_id, heads, 4, NULL);
        break;
    case FAKE_REFUSE:
        nghttp2_submit_rst_stream(peer->session, NGHTTP2_FLAG_NONE, stream_id,
                                  NGHTTP2_REFUSED_STREAM);
        break;
    case FAKE_HANG_UP:
        hang_up(peer);
        break;
    case FAKE_PLAIN_HTTP:
        nghttp2_submit_response(peer->session, stream_id, heads, 1, NULL);
        break;
    case FAKE_NO_ANSWER:
    case FAKE_NO_HTTP2:
    case FAKE_GARBAGE:
        break;
    }
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        answer_call(user, frame->hd.stream_id);
    return 0;
}

static void flush(struct peer *peer)
{
    const uint8_t *data;
    ssize_t size;

    while (!uv_is_closing((uv_handle_t *)&peer->tcp) &&
           (size = nghttp2_session_mem_send(peer->session, &data)) > 0)
        write_out(peer, data, (size_t)size);
}

static void on_allocate(uv_handle_t *handle, size_t size, uv_buf_t *ret_buffer)
{
    struct peer *peer = handle->data;

    (void)size;
    *ret_buffer = uv_buf_init(peer->input, sizeof(peer->input));
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct peer *peer = stream->data;

    if (size < 0) {
        hang_up(peer);
    } else if (peer->session != NULL && size > 0) {
        if (nghttp2_session_mem_recv(peer->session, (const uint8_t *)buffer->base, (size_t)size) <
            0)
            hang_up(peer);
        else
            flush(peer);
    }
}

static void open_session(struct peer *peer)
{
    nghttp2_session_callbacks *callbacks;

    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_server_new(&peer->session, callbacks, peer);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(peer->session, NGHTTP2_FLAG_NONE, NULL, 0);
    flush(peer);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct fake_server *server = listener->data;
    struct peer *peer = calloc(1, sizeof(*peer));

    assert(status == 0);
    assert(peer != NULL);
    peer->server = server;
    peer->tcp.data = peer;
    uv_tcp_init(&server->loop, &peer->tcp);
    uv_accept(listener, (uv_stream_t *)&peer->tcp);
    if (server->answer->behaviour == FAKE_GARBAGE)
        write_out(peer, "SSH-2.0-nothing here speaks HTTP/2\r\n\r\n", 38);
    else if (server->answer->behaviour != FAKE_NO_HTTP2)
        open_session(peer);
    uv_read_start((uv_stream_t *)&peer->tcp, on_allocate, on_read);
}

static void close_handle(uv_handle_t *handle, void *argument)
{
    struct fake_server *server = argument;

    if (uv_is_closing(handle))
        return;
    if (handle == (uv_handle_t *)&server->listener || handle == (uv_handle_t *)&server->stop)
        uv_close(handle, NULL);
    else
        uv_close(handle, on_peer_closed);
}

static void on_stop(uv_async_t *async)
{
    struct fake_server *server = async->data;

    uv_walk(&server->loop, close_handle, server);
}

static void run(void *argument)
{
    struct fake_server *server = argument;

    uv_run(&server->loop, UV_RUN_DEFAULT);
}

struct fake_server *fake_server_start(const struct fake_answer *answer)
{
    struct fake_server *server = calloc(1, sizeof(*server));
    struct sockaddr_in address;
    int size = sizeof(address);

    assert(server != NULL);
    server->answer = answer;
    server->listener.data = server->stop.data = server;
    uv_loop_init(&server->loop);
    uv_async_init(&server->loop, &server->stop, on_stop);
    uv_tcp_init(&server->loop, &server->listener);
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_bind(&server->listener, (struct sockaddr *)&address, 0);
    uv_listen((uv_stream_t *)&server->listener, 16, on_connection);
    uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &size);
    snprintf(server->endpoint, sizeof(server->endpoint), "127.0.0.1:%u",
             (unsigned)ntohs(address.sin_port));
    uv_thread_create(&server->thread, run, server);
    return server;
}

const char *fake_server_endpoint(const struct fake_server *server)
{
    return server->endpoint;
}

unsigned fake_server_stop(struct fake_server *server)
{
    unsigned calls;

    uv_async_send(&server->stop);
    uv_thread_join(&server->thread);
    uv_loop_close(&server->loop);
    calls = server->calls;
    free(server);
    return calls;
}
