/* SPDX-License-Identifier: MIT */
/* tcp_listener.c -- accepts connections, and keeps few of them.
 *
 * There are two acquainted connections for each peer, of which one is urgent: a newer one replaces
 * it, since the peer dials again only when it has lost the older. Strangers are bounded: when there
 * are too many, the one that has been silent for longest goes; a peer says hello at once, so a
 * crowd of silent ones cannot keep it out. When there are no more file descriptors, libuv accepts
 * and closes at once what waits, so that the loop does not spin.
 */
#include <assert.h>
#include <stdio.h>

#include "listen_address.h"
#include "tcp_parts.h"

#define BACKLOG 511
#define ACCEPT_AGAIN_MS 100u

static void append(struct inbounds *list, struct inbound *inbound)
{
    assert((list->first == NULL) == (list->last == NULL));
    assert((list->first == NULL) == (list->count == 0));
    inbound->previous = list->last;
    inbound->next = NULL;
    if (list->last == NULL)
        list->first = inbound;
    else
        list->last->next = inbound;
    list->last = inbound;
    list->count++;
}

static void take_out(struct inbounds *list, struct inbound *inbound)
{
    assert(list->count > 0);
    if (inbound->previous == NULL)
        list->first = inbound->next;
    else
        inbound->previous->next = inbound->next;
    if (inbound->next == NULL)
        list->last = inbound->previous;
    else
        inbound->next->previous = inbound->previous;
    list->count--;
}

static void on_patience_end(uv_timer_t *timer);

/* Sets the timer for the oldest stranger, or for the next try to accept. */
static void be_patient(struct tcp *tcp)
{
    const struct inbound *oldest = tcp->strangers.first;
    uint64_t now_ms = uv_now(tcp->loop), delay_ms = UINT64_MAX;

    assert(!tcp->closing);
    if (oldest != NULL) {
        uint64_t end_ms = oldest->since_ms + tcp->config.handshake_within_ms;

        delay_ms = end_ms > now_ms ? end_ms - now_ms : 0;
    }
    if (tcp->unaccepted && delay_ms > ACCEPT_AGAIN_MS)
        delay_ms = ACCEPT_AGAIN_MS;
    if (delay_ms == UINT64_MAX)
        (void)uv_timer_stop(&tcp->patience);
    else
        (void)uv_timer_start(&tcp->patience, on_patience_end, delay_ms, 0);
}

static void accept_one(struct tcp *tcp)
{
    struct inbound *inbound;
    int error = inbound_accept(&inbound, tcp);

    assert(!tcp->closing);
    tcp->unaccepted = error == DECREE_NOMEM;
    if (error != 0)
        return;
    tcp->counters.accepted++;
    append(&tcp->strangers, inbound);
    if (tcp->strangers.count > tcp->config.strangers_max)
        inbound_refuse(tcp->strangers.first, "too many that said nothing");
}

static void on_patience_end(uv_timer_t *timer)
{
    struct tcp *tcp = timer->data;
    uint64_t now_ms = uv_now(tcp->loop);

    if (tcp->unaccepted)
        accept_one(tcp);
    while (tcp->strangers.first != NULL &&
           tcp->strangers.first->since_ms + tcp->config.handshake_within_ms <= now_ms)
        inbound_refuse(tcp->strangers.first, "it said nothing");
    be_patient(tcp);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct tcp *tcp = stream->data;
    uint32_t suppressed;

    assert(!tcp->closing);
    if (status == 0)
        accept_one(tcp);
    else if (tcp_may_log(tcp, &suppressed))
        log_warn(tcp->config.logger, "accept_failed", "reason=\"%s\" suppressed=%u",
                 uv_strerror(status), suppressed);
    if (tcp->unaccepted || !uv_is_active((uv_handle_t *)&tcp->patience))
        be_patient(tcp);
}

void listener_acquaint(struct inbound *inbound, decree_node_id peer, bool urgent)
{
    struct tcp *tcp = inbound->tcp;

    assert(inbound->peer == 0);
    for (struct inbound *older = tcp->acquainted.first; older != NULL; older = older->next) {
        if (older->peer == peer && older->urgent == urgent) {
            inbound_close(older);
            break;
        }
    }
    take_out(&tcp->strangers, inbound);
    inbound->peer = peer;
    inbound->urgent = urgent;
    append(&tcp->acquainted, inbound);
}

void listener_forget(struct inbound *inbound)
{
    struct tcp *tcp = inbound->tcp;

    take_out(inbound->peer == 0 ? &tcp->strangers : &tcp->acquainted, inbound);
}

static int bind_first(struct tcp *tcp)
{
    struct sockaddr_storage address;
    int error = listen_address_find(tcp->loop, tcp->config.listen_host, tcp->config.listen_port,
                                    &address);

    if (error != 0)
        return error;
    return uv_tcp_bind(&tcp->listener, (const struct sockaddr *)&address, 0);
}

int listener_open(struct tcp *tcp, char *sentence)
{
    int error = uv_tcp_init(tcp->loop, &tcp->listener);

    assert(error == 0);
    tcp_hold(tcp);
    error = uv_timer_init(tcp->loop, &tcp->patience);
    assert(error == 0);
    tcp_hold(tcp);
    tcp->listener.data = tcp;
    tcp->patience.data = tcp;
    error = bind_first(tcp);
    if (error == 0)
        error = uv_listen((uv_stream_t *)&tcp->listener, BACKLOG, on_connection);
    if (error == 0)
        return 0;
    (void)snprintf(sentence, TCP_SENTENCE_BYTES, "cannot listen on %s, port %u: %s",
                   tcp->config.listen_host == NULL ? "any address" : tcp->config.listen_host,
                   (unsigned)tcp->config.listen_port, uv_strerror(error));
    return DECREE_IO;
}

static void on_handle_closed(uv_handle_t *handle)
{
    tcp_let_go(handle->data);
}

void listener_close(struct tcp *tcp)
{
    while (tcp->strangers.first != NULL)
        inbound_close(tcp->strangers.first);
    while (tcp->acquainted.first != NULL)
        inbound_close(tcp->acquainted.first);
    uv_close((uv_handle_t *)&tcp->listener, on_handle_closed);
    uv_close((uv_handle_t *)&tcp->patience, on_handle_closed);
}
