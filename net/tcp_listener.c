/* SPDX-License-Identifier: MIT */
/* tcp_listener.c -- accepts connections, and keeps few of them.
 *
 * There is one acquainted connection for each peer: a newer one replaces it, since the peer dials
 * again only when it has lost the older. Strangers are bounded: when there are too many, the one
 * that has been silent for longest goes; a peer says hello at once, so a crowd of silent ones
 * cannot keep it out. When there are no more file descriptors, libuv accepts and closes at once
 * what waits, so that the loop does not spin.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

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

void listener_acquaint(struct inbound *inbound, decree_node_id peer)
{
    struct tcp *tcp = inbound->tcp;

    assert(inbound->peer == 0);
    for (struct inbound *older = tcp->acquainted.first; older != NULL; older = older->next) {
        if (older->peer == peer) {
            inbound_close(older);
            break;
        }
    }
    take_out(&tcp->strangers, inbound);
    inbound->peer = peer;
    append(&tcp->acquainted, inbound);
}

void listener_forget(struct inbound *inbound)
{
    struct tcp *tcp = inbound->tcp;

    take_out(inbound->peer == 0 ? &tcp->strangers : &tcp->acquainted, inbound);
}

/* The addresses to listen on, to be tried in turn. */
static int find_addresses(struct tcp *tcp, struct tcp_addresses *ret_addresses)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct tcp_addresses second;
    uv_getaddrinfo_t request;
    char service[8];
    int error;

    if (tcp->config.listen_host == NULL) {
        (void)tcp_addresses_parse(ret_addresses, "::", tcp->config.listen_port);
        (void)tcp_addresses_parse(&second, "0.0.0.0", tcp->config.listen_port);
        ret_addresses->list[ret_addresses->count++] = second.list[0];
        return 0;
    }
    if (tcp_addresses_parse(ret_addresses, tcp->config.listen_host, tcp->config.listen_port))
        return 0;
    (void)snprintf(service, sizeof(service), "%u", (unsigned)tcp->config.listen_port);
    error = uv_getaddrinfo(tcp->loop, &request, NULL, tcp->config.listen_host, service, &hints);
    if (error != 0)
        return error;
    tcp_addresses_collect(ret_addresses, request.addrinfo);
    uv_freeaddrinfo(request.addrinfo);
    return ret_addresses->count > 0 ? 0 : UV_EAI_NONAME;
}

/* Whether this machine has the address. Asked with a socket of its own, since the first address
 * that libuv is given decides about IPv4 or IPv6 for good. */
static bool is_ours(const struct sockaddr_storage *address)
{
    socklen_t size = address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                    : sizeof(struct sockaddr_in);
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ours;

    if (fd < 0)
        return false;
    ours = bind(fd, (const struct sockaddr *)address, size) == 0 || errno == EADDRINUSE;
    (void)close(fd);
    return ours;
}

static int bind_first(struct tcp *tcp)
{
    struct tcp_addresses addresses;
    int error = find_addresses(tcp, &addresses);
    uint32_t i = 0;

    if (error != 0)
        return error;
    assert(addresses.count > 0);
    while (i + 1 < addresses.count && !is_ours(&addresses.list[i]))
        i++;
    return uv_tcp_bind(&tcp->listener, (const struct sockaddr *)&addresses.list[i], 0);
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
