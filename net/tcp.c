/* SPDX-License-Identifier: MIT */
/* tcp.c -- opening and closing, the port's functions, and the bound on log lines. */
#include "tcp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tcp_parts.h"

#define QUEUE_BYTES_DEFAULT (64u << 20)
#define STRANGERS_DEFAULT 64u
#define HANDSHAKE_WITHIN_DEFAULT_MS 3000u
#define DIAL_WITHIN_DEFAULT_MS 1500u
#define DELIVER_WITHIN_DEFAULT_MS 3000u
#define LOG_WINDOW_MS 1000u
#define LOG_LINES_MAX 5u /* in a window */

static struct tcp *of(struct transport *transport)
{
    return (struct tcp *)transport;
}

void tcp_hold(struct tcp *tcp)
{
    assert(tcp->holds < UINT32_MAX);
    tcp->holds++;
}

static void tcp_free(struct tcp *tcp)
{
    for (uint32_t i = 0; i < tcp->link_count; i++)
        link_free(tcp->links[i]);
    encoder_release(&tcp->encoder);
    decoder_release(&tcp->decoder);
    free((char *)(uintptr_t)tcp->config.listen_host);
    free(tcp);
}

void tcp_let_go(struct tcp *tcp)
{
    void (*closed)(void *context) = tcp->closed;
    void *context = tcp->closed_context;

    assert(tcp->holds > 0);
    if (--tcp->holds > 0)
        return;
    assert(tcp->closing);
    tcp_free(tcp);
    if (closed != NULL)
        closed(context);
}

struct link *tcp_find_link(const struct tcp *tcp, decree_node_id peer, bool urgent)
{
    for (uint32_t i = 0; i < tcp->link_count; i++) {
        if (tcp->links[i]->peer == peer && tcp->links[i]->urgent == urgent)
            return tcp->links[i];
    }
    return NULL;
}

bool tcp_may_log(struct tcp *tcp, uint32_t *ret_suppressed)
{
    uint64_t now_ms = uv_now(tcp->loop);

    if (now_ms - tcp->log_window_ms >= LOG_WINDOW_MS) {
        tcp->log_window_ms = now_ms;
        tcp->log_count = 0;
    }
    if (tcp->log_count == LOG_LINES_MAX) {
        tcp->log_suppressed++;
        return false;
    }
    tcp->log_count++;
    *ret_suppressed = tcp->log_suppressed;
    tcp->log_suppressed = 0;
    return true;
}

static void drop_unsendable(struct tcp *tcp, const struct peer_message *message, int error)
{
    uint32_t suppressed;

    tcp->counters.frames_dropped++;
    if (tcp_may_log(tcp, &suppressed))
        log_warn(tcp->config.logger, "message_dropped",
                 "peer=%u protocol=%s reason=%s suppressed=%u", peer_message_to(message),
                 peer_protocol_name(message->protocol), decree_error_name(error), suppressed);
}

/* The way that a message goes; NULL: there is none to its receiver. Nothing is urgent before both ways
 * are up: who got a p1a through can get the values through, too. */
static struct link *way_of(const struct tcp *tcp, const struct peer_message *message)
{
    decree_node_id peer = peer_message_to(message);
    struct link *ordinary = tcp_find_link(tcp, peer, false);
    struct link *urgent = peer_message_is_urgent(message) ? tcp_find_link(tcp, peer, true) : NULL;
    bool is_whole = urgent != NULL && urgent->state == LINK_UP && ordinary->state == LINK_UP;

    return is_whole ? urgent : ordinary;
}

static void tcp_send(struct transport *transport, const struct peer_message *message)
{
    struct tcp *tcp = of(transport);
    struct link *link = way_of(tcp, message);
    struct frame *frame;
    int error;

    assert(!tcp->closing);
    if (link == NULL) {
        drop_unsendable(tcp, message, DECREE_NOT_FOUND);
        return;
    }
    if (peer_message_is_again(message) && link_waiting(link) > PEER_MESSAGE_AGAIN_BYTES)
        return;
    error = encoder_encode(&tcp->encoder, message, &frame);
    if (error != 0)
        drop_unsendable(tcp, message, error);
    else
        link_send(link, frame);
}

static void tcp_flush(struct transport *transport)
{
    struct tcp *tcp = of(transport);

    assert(!tcp->closing);
    for (uint32_t i = 0; i < tcp->link_count; i++)
        link_flush(tcp->links[i]);
}

static void tcp_close(struct transport *transport, void (*closed)(void *context), void *context)
{
    struct tcp *tcp = of(transport);

    assert(!tcp->closing);
    tcp->closing = true;
    tcp->closed = closed;
    tcp->closed_context = context;
    for (uint32_t i = 0; i < tcp->link_count; i++)
        link_close(tcp->links[i]);
    listener_close(tcp);
}

static const struct transport_ops tcp_ops = {tcp_send, tcp_flush, tcp_close};

static void default_u32(uint32_t *number, uint32_t fallback)
{
    if (*number == 0)
        *number = fallback;
}

static void set_defaults(struct tcp_config *config)
{
    default_u32(&config->frame_bytes_max, FRAME_BYTES_MAX_DEFAULT);
    default_u32(&config->strangers_max, STRANGERS_DEFAULT);
    default_u32(&config->handshake_within_ms, HANDSHAKE_WITHIN_DEFAULT_MS);
    default_u32(&config->dial_within_ms, DIAL_WITHIN_DEFAULT_MS);
    default_u32(&config->deliver_within_ms, DELIVER_WITHIN_DEFAULT_MS);
    if (config->queue_bytes_max == 0)
        config->queue_bytes_max = QUEUE_BYTES_DEFAULT;
}

int tcp_open(struct transport **ret_transport, uv_loop_t *loop, const struct tcp_config *config,
             const struct transport_sink *sink, char *sentence)
{
    struct tcp *tcp = calloc(1, sizeof(*tcp));
    char *listen_host = config->listen_host == NULL ? NULL : strdup(config->listen_host);
    int error;

    assert(config->self != 0);
    assert(sink->message != NULL);
    assert(sink->unreachable != NULL);
    if (tcp == NULL || (listen_host == NULL && config->listen_host != NULL)) {
        free(tcp);
        free(listen_host);
        (void)snprintf(sentence, TCP_SENTENCE_BYTES, "out of memory");
        return DECREE_NOMEM;
    }
    *tcp = (struct tcp){.transport = {&tcp_ops}, .loop = loop, .config = *config, .sink = *sink};
    tcp->config.listen_host = listen_host;
    set_defaults(&tcp->config);
    encoder_init(&tcp->encoder, tcp->config.frame_bytes_max);
    decoder_init(&tcp->decoder);
    prng_init(&tcp->prng, config->seed);
    error = listener_open(tcp, sentence);
    if (error != 0) {
        tcp_close(&tcp->transport, NULL, NULL);
        return error;
    }
    *ret_transport = &tcp->transport;
    return 0;
}

int tcp_connect(struct transport *transport, decree_node_id peer, const char *host, uint16_t port)
{
    struct tcp *tcp = of(transport);
    int error = 0;

    assert(!tcp->closing);
    assert(tcp_find_link(tcp, peer, true) == NULL);
    if (tcp->link_count == 2 * DECREE_MEMBERS_MAX || peer == tcp->config.self || peer == 0)
        return DECREE_INVALID;
    for (int urgent = 0; urgent <= 1 && error == 0; urgent++) {
        if (tcp_find_link(tcp, peer, urgent != 0) != NULL)
            continue; /* there was memory for this one the last time */
        error = link_open(&tcp->links[tcp->link_count], tcp, peer, urgent != 0, host, port);
        if (error == 0)
            tcp->link_count++;
    }
    return error;
}

uint16_t tcp_port(const struct transport *transport)
{
    const struct tcp *tcp = (const struct tcp *)transport;
    struct sockaddr_storage address;
    int size = sizeof(address);
    int error = uv_tcp_getsockname(&tcp->listener, (struct sockaddr *)&address, &size);

    assert(error == 0);
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

void tcp_traffic(const struct transport *transport, decree_node_id peer,
                 struct peer_traffic *ret_traffic)
{
    const struct tcp *tcp = (const struct tcp *)transport;

    *ret_traffic = (struct peer_traffic){0};
    for (uint32_t i = 0; i < tcp->link_count; i++) {
        const struct link *link = tcp->links[i];

        if (link->peer != peer)
            continue;
        ret_traffic->bytes_sent += link->traffic.bytes_sent;
        ret_traffic->bytes_received += link->traffic.bytes_received;
        ret_traffic->dropped += link->traffic.dropped;
        ret_traffic->connected |= !link->urgent && link->state == LINK_UP;
    }
}

void tcp_counters(const struct transport *transport, struct tcp_counters *ret_counters)
{
    *ret_counters = ((const struct tcp *)transport)->counters;
}
