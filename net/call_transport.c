/* SPDX-License-Identifier: MIT */
/* call_transport.c -- see call_transport.h; the port's functions, and the judging. */
#include "call_transport.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call_parts.h"
#include "listen_address.h"

#define MESSAGE_BYTES_DEFAULT (96u << 20)
#define QUEUE_BYTES_DEFAULT (64u << 20)
#define DIAL_WITHIN_DEFAULT_MS 1500u
#define DELIVER_WITHIN_DEFAULT_MS 3000u
#define ARENA_BYTES_MAX (256u << 20)
#define ARENA_SHARE 2u /* of it, for messages on their way out */
#define HOST_TEXT_BYTES 64u

static struct call_transport *of(struct transport *transport)
{
    return (struct call_transport *)transport;
}

void call_hold(struct call_transport *transport)
{
    assert(transport->holds < UINT32_MAX);
    transport->holds++;
}

void call_let_go(struct call_transport *transport)
{
    void (*closed)(void *context) = transport->closed;
    void *context = transport->closed_context;

    assert(transport->holds > 0);
    if (--transport->holds > 0)
        return;
    assert(transport->closing);
    for (uint32_t i = 0; i < transport->link_count; i++)
        call_link_free(transport->links[i]);
    arena_release(&transport->sending);
    arena_release(&transport->receiving);
    free((char *)(uintptr_t)transport->config.listen_host);
    transport->wire->release(transport);
    if (closed != NULL)
        closed(context);
}

struct call_link *call_find_link(const struct call_transport *transport, decree_node_id peer,
                                 bool urgent)
{
    for (uint32_t i = 0; i < transport->link_count; i++) {
        if (transport->links[i]->peer == peer && transport->links[i]->urgent == urgent)
            return transport->links[i];
    }
    return NULL;
}

bool call_may_log(struct call_transport *transport, uint32_t *ret_suppressed)
{
    return log_bound_allows(&transport->log_bound, uv_now(transport->loop), ret_suppressed);
}

/* ---- the port ---- */

static void drop_unsendable(struct call_transport *transport, const struct peer_message *message,
                            int error)
{
    uint32_t suppressed;

    transport->counters.messages_dropped++;
    if (call_may_log(transport, &suppressed))
        log_warn(transport->config.logger, "message_dropped",
                 "peer=%u protocol=%s reason=%s suppressed=%u", peer_message_to(message),
                 peer_protocol_name(message->protocol), decree_error_name(error), suppressed);
}

/* The way that a message goes; NULL: there is none to its receiver. Nothing is urgent before both ways
 * are up: who got a p1a through can get the values through, too. */
static struct call_link *way_of(const struct call_transport *transport,
                                const struct peer_message *message)
{
    decree_node_id peer = peer_message_to(message);
    struct call_link *ordinary = call_find_link(transport, peer, false);
    struct call_link *urgent = peer_message_is_urgent(message)
                                   ? call_find_link(transport, peer, true)
                                   : NULL;
    bool is_whole = urgent != NULL && urgent->state == CALL_UP && ordinary->state == CALL_UP;

    return is_whole ? urgent : ordinary;
}

static void call_send(struct transport *port, const struct peer_message *message)
{
    struct call_transport *transport = of(port);
    struct call_link *link = way_of(transport, message);
    Decree__V1__Message *wrapped;
    struct parcel *parcel;
    int error = DECREE_NOMEM;

    assert(!transport->closing);
    if (link == NULL) {
        drop_unsendable(transport, message, DECREE_NOT_FOUND);
        return;
    }
    if (peer_message_is_again(message) &&
        link->queue.bytes + link->flight_bytes > PEER_MESSAGE_AGAIN_BYTES)
        return;
    wrapped = peer_proto_wrap(&transport->sending, transport->config.cluster_id, message);
    if (wrapped != NULL)
        error = transport->wire->encode(transport, wrapped, &parcel);
    if (error == 0)
        call_link_send(link, parcel);
    else
        drop_unsendable(transport, message, error);
    arena_reset(&transport->sending);
}

static void call_flush(struct transport *port)
{
    struct call_transport *transport = of(port);

    assert(!transport->closing);
    for (uint32_t i = 0; i < transport->link_count; i++)
        call_link_flush(transport->links[i]);
}

static void call_close(struct transport *port, void (*closed)(void *context), void *context)
{
    struct call_transport *transport = of(port);

    assert(!transport->closing);
    transport->closing = true;
    transport->closed = closed;
    transport->closed_context = context;
    call_hold(transport); /* until all have been told */
    for (uint32_t i = 0; i < transport->link_count; i++)
        call_link_close(transport->links[i]);
    call_server_close(transport);
    call_let_go(transport);
}

static const struct transport_ops call_ops = {call_send, call_flush, call_close};

/* ---- what comes in ---- */

static const char *judge_addresses(struct call_transport *transport,
                                   const Decree__V1__Message *message, enum call_fault *ret_fault)
{
    *ret_fault = CALL_ELSEWHERE;
    if (message->cluster_id != transport->config.cluster_id)
        return "cluster_id: another cluster, or the same with other settings";
    if (message->receiver != transport->config.self)
        return "receiver: meant for another member";
    *ret_fault = CALL_STRANGER;
    return call_find_link(transport, message->sender, false) == NULL ? "sender: not another member"
                                                                     : NULL;
}

bool call_judge(struct call_transport *transport, const Decree__V1__Message *message,
                struct peer_letter *ret_letter, enum call_fault *ret_fault, char *reason)
{
    const char *wrong = judge_addresses(transport, message, ret_fault);

    if (wrong == NULL) {
        *ret_fault = CALL_MALFORMED;
        wrong = peer_proto_unwrap(&transport->receiving, message, ret_letter);
    }
    if (wrong == NULL) {
        call_find_link(transport, message->sender, false)->traffic.bytes_received +=
            protobuf_c_message_get_packed_size(&message->base);
        return true;
    }
    (void)snprintf(reason, CALL_SENTENCE_BYTES, "%s", wrong);
    return false;
}

void call_deliver(struct call_transport *transport, const struct peer_letter *letter)
{
    struct peer_message message = peer_letter_message(letter);

    if (!transport->closing) {
        transport->counters.messages_received++;
        transport->sink.message(transport->sink.context, &message);
    }
    peer_proto_drop(letter);
}

void call_refused(struct call_transport *transport, const char *reason)
{
    uint32_t suppressed;

    transport->counters.calls_refused++;
    if (call_may_log(transport, &suppressed))
        log_warn(transport->config.logger, "message_refused",
                 "transport=%s reason=\"%s\" suppressed=%u", transport->wire->name, reason,
                 suppressed);
}

/* ---- life ---- */

static void set_defaults(struct call_config *config)
{
    if (config->message_bytes_max == 0)
        config->message_bytes_max = MESSAGE_BYTES_DEFAULT;
    if (config->queue_bytes_max == 0)
        config->queue_bytes_max = QUEUE_BYTES_DEFAULT;
    if (config->dial_within_ms == 0)
        config->dial_within_ms = DIAL_WITHIN_DEFAULT_MS;
    if (config->deliver_within_ms == 0)
        config->deliver_within_ms = DELIVER_WITHIN_DEFAULT_MS;
}

int call_transport_init(struct call_transport *transport, const struct call_wire *wire,
                        uv_loop_t *loop, const struct call_config *config,
                        const struct transport_sink *sink)
{
    char *listen_host = config->listen_host == NULL ? NULL : strdup(config->listen_host);

    assert(config->self != 0);
    assert(sink->message != NULL);
    assert(sink->unreachable != NULL);
    if (listen_host == NULL && config->listen_host != NULL)
        return DECREE_NOMEM;
    *transport = (struct call_transport){
        .transport = {&call_ops}, .wire = wire, .loop = loop, .config = *config, .sink = *sink};
    transport->config.listen_host = listen_host;
    set_defaults(&transport->config);
    arena_init(&transport->sending, ARENA_BYTES_MAX / ARENA_SHARE);
    arena_init(&transport->receiving, ARENA_BYTES_MAX);
    prng_init(&transport->prng, config->seed);
    return 0;
}

int call_listen_failed(struct call_transport *transport, int error, char *sentence)
{
    const struct call_config *config = &transport->config;

    assert(error < 0);
    (void)snprintf(sentence, CALL_SENTENCE_BYTES, "cannot listen on %s, port %u: %s",
                   config->listen_host == NULL ? "any address" : config->listen_host,
                   (unsigned)config->listen_port, uv_strerror(error));
    return DECREE_IO;
}

int call_listen_address(struct call_transport *transport, char *ret_host, char *sentence)
{
    const struct call_config *config = &transport->config;
    struct sockaddr_storage address;
    int error = listen_address_find(transport->loop, config->listen_host, config->listen_port,
                                    &address);

    if (error == 0)
        error = uv_ip_name((const struct sockaddr *)&address, ret_host, HOST_TEXT_BYTES);
    return error == 0 ? 0 : call_listen_failed(transport, error, sentence);
}

void call_abandon(struct call_transport *transport)
{
    assert(transport->link_count == 0);
    call_close(&transport->transport, NULL, NULL);
}

int call_transport_connect(struct transport *port, decree_node_id peer, const char *host,
                           uint16_t number)
{
    struct call_transport *transport = of(port);
    int error = 0;

    assert(!transport->closing);
    assert(call_find_link(transport, peer, true) == NULL);
    if (transport->link_count == 2 * DECREE_MEMBERS_MAX || peer == transport->config.self ||
        peer == 0)
        return DECREE_INVALID;
    for (int urgent = 0; urgent <= 1 && error == 0; urgent++) {
        if (call_find_link(transport, peer, urgent != 0) != NULL)
            continue; /* there was memory for this one the last time */
        error = call_link_open(&transport->links[transport->link_count], transport, peer,
                               urgent != 0, host, number);
        if (error == 0)
            transport->link_count++;
    }
    return error;
}

uint16_t call_transport_port(const struct transport *transport)
{
    return ((const struct call_transport *)transport)->port;
}

void call_transport_traffic(const struct transport *transport, decree_node_id peer,
                            struct peer_traffic *ret_traffic)
{
    const struct call_transport *call = (const struct call_transport *)transport;

    *ret_traffic = (struct peer_traffic){0};
    for (uint32_t i = 0; i < call->link_count; i++) {
        const struct call_link *link = call->links[i];

        if (link->peer != peer)
            continue;
        ret_traffic->bytes_sent += link->traffic.bytes_sent;
        ret_traffic->bytes_received += link->traffic.bytes_received;
        ret_traffic->dropped += link->traffic.dropped;
        ret_traffic->connected |= link->urgent && link->state == CALL_UP;
    }
}

void call_transport_counters(const struct transport *transport, struct call_counters *ret_counters)
{
    *ret_counters = ((const struct call_transport *)transport)->counters;
}
