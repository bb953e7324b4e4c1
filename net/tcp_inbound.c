/* SPDX-License-Identifier: MIT */
/* tcp_inbound.c -- an accepted connection: a stranger until its hello is right, then the way in
 * from one peer.
 *
 * Whatever comes is first a frame of a size that we allow, then whole, then sound, and only then
 * looked into. The first thing that is wrong ends the connection.
 */
#include <assert.h>
#include <stdlib.h>

#include "tcp_parts.h"

#define KEEPALIVE_S 10u /* so that the connection of a peer that vanished does not stay for ever */

static void on_closed(uv_handle_t *handle)
{
    struct inbound *inbound = handle->data;
    struct tcp *tcp = inbound->tcp;

    inbox_release(&inbound->inbox);
    free(inbound);
    tcp_let_go(tcp);
}

void inbound_close(struct inbound *inbound)
{
    if (inbound->closing)
        return;
    inbound->closing = true;
    listener_forget(inbound);
    uv_close((uv_handle_t *)&inbound->socket, on_closed);
}

void inbound_refuse(struct inbound *inbound, const char *reason)
{
    char remote[TCP_ADDRESS_TEXT_BYTES];
    uint32_t suppressed;

    assert(!inbound->closing);
    inbound->tcp->counters.closed_abusive++;
    if (tcp_may_log(inbound->tcp, &suppressed)) {
        tcp_remote_text(&inbound->socket, remote);
        log_warn(inbound->tcp->config.logger, "connection_refused",
                 "remote=%s peer=%u reason=\"%s\" suppressed=%u", remote, inbound->peer, reason,
                 suppressed);
    }
    inbound_close(inbound);
}

static const char *header_error_text(int error)
{
    if (error == DECREE_VERSION)
        return "another version of the protocol";
    return error == DECREE_TOO_LARGE ? "a frame larger than allowed"
                                     : "not a frame: no member, or one with another --transport";
}

/* What is wrong with a hello; NULL: nothing. */
static const char *judge(struct tcp *tcp, const struct hello *hello)
{
    if (hello->cluster_id != tcp->config.cluster_id)
        return "another cluster, or the same with other settings";
    if (tcp_find_link(tcp, hello->from, hello->urgent) == NULL)
        return "not a member";
    return hello->to == tcp->config.self ? NULL : "meant for another member";
}

/* The first frame. Returns what is wrong, or NULL. */
static const char *greet(struct inbound *inbound, const struct frame_header *header,
                         const uint8_t *payload)
{
    struct tcp *tcp = inbound->tcp;
    uint8_t data[HELLO_FRAME_BYTES];
    uv_buf_t buffer = uv_buf_init((char *)data, sizeof(data));
    struct hello hello;
    const char *wrong;

    assert(inbound->peer == 0);
    assert(!inbound->closing);
    if (hello_read(&hello, header, payload) != 0)
        return "no hello";
    wrong = judge(tcp, &hello);
    if (wrong != NULL)
        return wrong;
    listener_acquaint(inbound, hello.from, hello.urgent);
    hello_write(&(struct hello){tcp->config.cluster_id, tcp->config.self, hello.from, hello.urgent},
                data);
    /* A new connection has room for this little. */
    if (uv_try_write((uv_stream_t *)&inbound->socket, &buffer, 1) != (int)sizeof(data))
        inbound_close(inbound);
    return NULL;
}

/* A frame after the first. Returns what is wrong, or NULL. */
static const char *deliver(struct inbound *inbound, const struct frame_header *header,
                           const uint8_t *payload)
{
    struct tcp *tcp = inbound->tcp;
    struct peer_message message;
    struct peer_letter letter;
    int error = decoder_decode(&tcp->decoder, header, payload, inbound->inbox.chunk, inbound->peer,
                               tcp->config.self, &letter);

    assert(inbound->peer != 0);
    assert(!inbound->closing);
    if (error == DECREE_CORRUPT)
        return "a malformed message";
    if (error != 0) /* no memory: as if lost */
        return NULL;
    tcp->counters.frames_received++;
    message = peer_letter_message(&letter);
    tcp->sink.message(tcp->sink.context, &message);
    decoder_drop(&tcp->decoder, &letter);
    return NULL;
}

/* Takes in one frame if it is there whole. False: it is not, or the connection is closing. */
static bool take_frame(struct inbound *inbound)
{
    bool stranger = inbound->peer == 0;
    uint32_t bytes_max = stranger ? HELLO_FRAME_BYTES : inbound->tcp->config.frame_bytes_max;
    struct frame_header header;
    const char *wrong;
    size_t size;
    const uint8_t *data = inbox_peek(&inbound->inbox, &size);
    int error;

    assert(!inbound->closing);
    if (stranger && inbound->tcp->config.value != NULL && question_begins(data, size)) {
        question_take(inbound, data, size);
        return false;
    }
    if (size < FRAME_HEADER_BYTES)
        return false;
    error = frame_header_read(&header, data, bytes_max);
    if (error != 0) {
        inbound_refuse(inbound, header_error_text(error));
        return false;
    }
    if (size < FRAME_HEADER_BYTES + header.payload_size) {
        inbox_expect(&inbound->inbox, FRAME_HEADER_BYTES + header.payload_size);
        return false;
    }
    data += FRAME_HEADER_BYTES;
    wrong = "a wrong checksum";
    if (frame_is_sound(&header, data))
        wrong = stranger ? greet(inbound, &header, data) : deliver(inbound, &header, data);
    if (wrong != NULL && !inbound->closing)
        inbound_refuse(inbound, wrong);
    if (inbound->closing)
        return false;
    inbox_take(&inbound->inbox, FRAME_HEADER_BYTES + header.payload_size);
    return true;
}

static void on_alloc(uv_handle_t *handle, size_t suggested_size, uv_buf_t *ret_buffer)
{
    struct inbound *inbound = handle->data;
    size_t size = 0;
    uint8_t *data = inbox_space(&inbound->inbox, &size);

    (void)suggested_size;
    /* Without memory, libuv reports ENOBUFS to on_read. */
    *ret_buffer = (uv_buf_t){.base = (char *)data, .len = data == NULL ? 0 : size};
}

static void count_received(struct inbound *inbound, uint64_t bytes)
{
    struct link *link = inbound->peer != 0
                            ? tcp_find_link(inbound->tcp, inbound->peer, inbound->urgent)
                            : NULL;

    inbound->tcp->counters.bytes_received += bytes;
    if (link != NULL)
        link->traffic.bytes_received += bytes;
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct inbound *inbound = stream->data;

    (void)buffer;
    if (inbound->closing || count == 0)
        return;
    if (count < 0) {
        inbound_close(inbound);
        return;
    }
    assert(inbound->inbox.chunk != NULL);
    count_received(inbound, (uint64_t)count);
    inbox_filled(&inbound->inbox, (size_t)count);
    while (take_frame(inbound))
        ;
}

int inbound_accept(struct inbound **ret_inbound, struct tcp *tcp)
{
    struct inbound *inbound = calloc(1, sizeof(*inbound));
    int error;

    if (inbound == NULL)
        return DECREE_NOMEM;
    *inbound = (struct inbound){.tcp = tcp, .since_ms = uv_now(tcp->loop)};
    inbox_init(&inbound->inbox);
    error = uv_tcp_init(tcp->loop, &inbound->socket);
    assert(error == 0);
    tcp_hold(tcp);
    inbound->socket.data = inbound;
    error = uv_accept((uv_stream_t *)&tcp->listener, (uv_stream_t *)&inbound->socket);
    if (error == 0)
        error = uv_tcp_keepalive(&inbound->socket, 1, KEEPALIVE_S);
    if (error == 0)
        error = uv_read_start((uv_stream_t *)&inbound->socket, on_alloc, on_read);
    if (error == 0) {
        *ret_inbound = inbound;
        return 0;
    }
    inbound->closing = true;
    uv_close((uv_handle_t *)&inbound->socket, on_closed);
    return DECREE_IO;
}
