/* SPDX-License-Identifier: MIT */
/* call_link.c -- a way out to one peer, by calls: for what is urgent, or for all else.
 *
 *     WAITING --timer--> DIALLING --ready--> UP --------> CLOSING --closed--> DIALLING, at once again
 *        ^                  |                 no answer,                      after it was UP for a while
 *        |                  v                 or it ends
 *        +------------- closed: refused, timer, reset
 *        |
 *        +-- unreachable(peer), when refused
 *
 * What waits in the queue when a dial fails is dropped: the peers of a dead node should not keep
 * old messages for it. Messages whose calls are under way when the connection ends are lost; the
 * protocols above send again what matters.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call_parts.h"
#include "checksum.h"
#include "socket_progress.h"

#define BACKOFF_FIRST_MS 10u
#define BACKOFF_LAST_MS 500u
#define UP_FOR_A_WHILE_MS 500u
#define SILENCES_MAX 3u             /* in a row, before they are taken for an answer */
#define FLIGHT_BYTES_MAX (1u << 20) /* under way; one call may have more */
#define FLIGHT_CALLS_MAX 256u
#define LONG_BYTES 4096u
#define LOOKS 4u /* in the time within which something has to arrive */

static void dial(struct call_link *link);
static void on_timer(uv_timer_t *timer);

/* Waits, longer each time, before the next dial. */
static void wait(struct call_link *link)
{
    uint32_t half_ms = link->backoff_ms / 2;
    uint64_t delay_ms = half_ms + prng_below(&link->transport->prng, half_ms + 1);

    assert(link->state != CALL_CLOSED);
    assert(link->backoff_ms >= BACKOFF_FIRST_MS);
    link->state = CALL_WAITING;
    link->backoff_ms = link->backoff_ms * 2 < BACKOFF_LAST_MS ? link->backoff_ms * 2
                                                              : BACKOFF_LAST_MS;
    (void)uv_timer_start(&link->timer, on_timer, delay_ms, 0);
}

static void count_dropped(struct call_link *link, uint64_t messages)
{
    link->transport->counters.messages_dropped += messages;
    link->traffic.dropped += messages;
}

static void drop_queue(struct call_link *link)
{
    struct parcel *parcel;

    while ((parcel = parcels_pop(&link->queue)) != NULL) {
        count_dropped(link, 1);
        parcel_free(parcel);
    }
}

/* The peer was not reached. The sink is told last: it may close everything. */
static void dial_failed(struct call_link *link, bool refused)
{
    struct call_transport *transport = link->transport;

    drop_queue(link);
    wait(link);
    if (!refused || !link->urgent)
        return;
    transport->counters.refused++;
    transport->sink.unreachable(transport->sink.context, link->peer);
}

static void dial(struct call_link *link)
{
    struct call_transport *transport = link->transport;

    assert(link->connection == NULL);
    assert(link->flight_calls == 0);
    transport->counters.dials++;
    link->was_up = false;
    link->has_answered = false;
    link->state = CALL_DIALLING;
    (void)uv_timer_start(&link->timer, on_timer, transport->config.dial_within_ms, 0);
    if (transport->wire->dial(link))
        call_hold(transport);
    else
        dial_failed(link, false);
}

static void give_up(struct call_link *link, const char *reason)
{
    assert(link->state == CALL_DIALLING || link->state == CALL_UP);
    assert(link->connection != NULL);
    link->was_up = link->state == CALL_UP;
    link->state = CALL_CLOSING;
    (void)uv_timer_stop(&link->timer);
    link->transport->wire->hang_up(link, reason);
}

static void look_later(struct call_link *link)
{
    uint64_t limit_ms = link->transport->config.deliver_within_ms;

    (void)uv_timer_start(&link->timer, on_timer, limit_ms / LOOKS + 1, 0);
}

/* Does a long call arrive bit by bit? What is short arrives in the kernel of a process that is stopped
 * too, so of that the answers count. */
static bool moves(struct call_link *link)
{
    const uv_tcp_t *socket = link->transport->wire->socket(link);
    uint64_t before = link->acked;

    link->acked = socket_acked(socket);
    return link->acked != before && socket_waiting(socket) >= LONG_BYTES;
}

/* Looks whether the calls under way still arrive and are being answered. */
static void watch_answers(struct call_link *link)
{
    uint64_t now_ms = uv_now(link->transport->loop);

    assert(link->state == CALL_UP);
    if (link->flight_calls == 0)
        return;
    if (moves(link))
        link->progress_ms = now_ms;
    if (now_ms - link->progress_ms >= link->transport->config.deliver_within_ms)
        give_up(link, "no answer in time");
    else
        look_later(link);
}

static void on_timer(uv_timer_t *timer)
{
    struct call_link *link = timer->data;

    switch (link->state) {
    case CALL_WAITING:
        dial(link);
        break;
    case CALL_DIALLING:
        give_up(link, "no connection in time");
        break;
    case CALL_UP:
        watch_answers(link);
        break;
    case CALL_CLOSING:
    case CALL_CLOSED:
        break;
    }
}

/* Begins as many calls as may be under way. */
static void send_some(struct call_link *link)
{
    while (link->state == CALL_UP && link->queue.first != NULL &&
           link->flight_bytes < FLIGHT_BYTES_MAX && link->flight_calls < FLIGHT_CALLS_MAX) {
        if (!link->transport->wire->send(link))
            return;
    }
}

/* ---- what the wire tells ---- */

void call_link_ready(struct call_link *link)
{
    struct call_transport *transport = link->transport;

    if (link->state != CALL_DIALLING)
        return;
    (void)uv_timer_stop(&link->timer);
    link->state = CALL_UP;
    link->up_since_ms = uv_now(transport->loop);
    send_some(link);
}

void call_link_called(struct call_link *link, uint64_t bytes)
{
    if (link->flight_calls == 0)
        link->progress_ms = uv_now(link->transport->loop);
    link->flight_calls++;
    link->flight_bytes += bytes;
    link->traffic.bytes_sent += bytes;
    link->transport->counters.calls++;
    if (!uv_is_active((uv_handle_t *)&link->timer))
        look_later(link);
}

/* Once for the same reason, whichever way it came by, until a call is taken in. */
static void log_refusal(struct call_link *link, const char *wrong)
{
    uint64_t refusal = checksum(wrong, strlen(wrong), 1) | 1;
    const struct call_link *other = call_find_link(link->transport, link->peer, !link->urgent);
    bool is_known = refusal == link->refusal || (other != NULL && refusal == other->refusal);
    uint32_t suppressed;

    link->refusal = refusal;
    if (is_known)
        return;
    if (call_may_log(link->transport, &suppressed))
        log_warn(link->transport->config.logger, "peer_refuses",
                 "peer=%u transport=%s reason=\"%s\" suppressed=%u", link->peer,
                 link->transport->wire->name, wrong, suppressed);
}

/* Somebody is there, but gives no answer that this protocol knows. Said once, until he does. */
static void warn_of_stranger(struct call_link *link, const char *reason)
{
    const char *name = link->transport->wire->name;

    if (link->has_warned || !link->urgent)
        return;
    link->has_warned = true;
    log_warn(link->transport->config.logger, "peer_does_not_answer",
             "peer=%u transport=%s address=%s reason=\"%s\" hint=\"all members need the same "
             "--transport\"",
             link->peer, name, link->endpoint.name, reason);
}

/* Once, somebody may have been killed just then, with all calls under way. */
static void count_silence(struct call_link *link, const char *reason)
{
    uint64_t now_ms = uv_now(link->transport->loop);

    if (link->silences > 0 && link->silent_ms == now_ms)
        return;
    link->silent_ms = now_ms;
    link->silences++;
    if (link->silences >= SILENCES_MAX)
        warn_of_stranger(link, reason);
}

static void note_answer(struct call_link *link, const char *wrong)
{
    if (!link->has_answered && link->urgent)
        log_info(link->transport->config.logger, "link_up", "peer=%u transport=%s address=%s",
                 link->peer, link->transport->wire->name, link->endpoint.name);
    link->has_answered = true;
    link->has_warned = false;
    link->silences = 0;
    if (wrong == NULL)
        link->refusal = 0;
    else
        log_refusal(link, wrong);
}

void call_link_answered(struct call_link *link, uint64_t bytes, uint32_t messages,
                        const char *wrong, bool is_answer)
{
    struct call_counters *counters = &link->transport->counters;

    assert(link->flight_calls > 0);
    assert(link->flight_bytes >= bytes);
    link->flight_calls--;
    link->flight_bytes -= bytes;
    link->progress_ms = uv_now(link->transport->loop);
    if (wrong == NULL)
        counters->messages_sent += messages;
    else
        count_dropped(link, messages);
    if (link->state != CALL_UP)
        return;
    if (is_answer)
        note_answer(link, wrong);
    else if (!link->has_answered)
        count_silence(link, wrong);
    send_some(link);
}

static void log_end(struct call_link *link, bool refused, const char *reason)
{
    const struct logger *logger = link->transport->config.logger;

    if (link->has_answered && link->urgent)
        log_info(logger, "link_down", "peer=%u transport=%s reason=\"%s\"", link->peer,
                 link->transport->wire->name, reason);
    else
        log_debug(logger, "dial_failed", "peer=%u transport=%s reason=\"%s\"", link->peer,
                  link->transport->wire->name, reason);
    if (link->has_answered)
        return;
    if (refused)
        link->silences = 0; /* nobody is there: he was not, or died */
    else
        count_silence(link, reason);
}

void call_link_closed(struct call_link *link, bool refused, const char *reason)
{
    struct call_transport *transport = link->transport;

    assert(link->flight_calls == 0);
    assert(link->connection != NULL);
    link->connection = NULL;
    if (link->state != CALL_CLOSED) {
        link->was_up = link->was_up || link->state == CALL_UP;
        log_end(link, refused, reason);
        (void)uv_timer_stop(&link->timer);
        if (!link->was_up) {
            dial_failed(link, refused);
        } else if (uv_now(transport->loop) - link->up_since_ms >= UP_FOR_A_WHILE_MS) {
            link->backoff_ms = BACKOFF_FIRST_MS;
            dial(link);
        } else {
            wait(link);
        }
    }
    call_let_go(transport);
}

/* ---- messages ---- */

void call_link_send(struct call_link *link, struct parcel *parcel)
{
    assert(link->state != CALL_CLOSED);
    parcels_push(&link->queue, parcel);
    count_dropped(link, parcels_trim(&link->queue, link->transport->config.queue_bytes_max));
}

void call_link_flush(struct call_link *link)
{
    const struct call_wire *wire = link->transport->wire;

    send_some(link);
    if (link->state == CALL_UP && wire->flush != NULL)
        wire->flush(link);
}

/* ---- life ---- */

static bool fill_endpoint(struct endpoint *endpoint, const char *host, uint16_t port)
{
    bool is_v6 = strchr(host, ':') != NULL;

    if (strlen(host) >= sizeof(endpoint->host))
        return false;
    (void)snprintf(endpoint->host, sizeof(endpoint->host), "%s", host);
    (void)snprintf(endpoint->port, sizeof(endpoint->port), "%u", (unsigned)port);
    (void)snprintf(endpoint->name, sizeof(endpoint->name), is_v6 ? "[%s]:%s" : "%s:%s",
                   endpoint->host, endpoint->port);
    return true;
}

int call_link_open(struct call_link **ret_link, struct call_transport *transport,
                   decree_node_id peer, bool urgent, const char *host, uint16_t port)
{
    struct call_link *link = calloc(1, sizeof(*link));
    int error;

    assert(peer != 0);
    if (link == NULL)
        return DECREE_NOMEM;
    *link = (struct call_link){
        .transport = transport, .peer = peer, .urgent = urgent, .backoff_ms = BACKOFF_FIRST_MS};
    if (!fill_endpoint(&link->endpoint, host, port)) {
        free(link);
        return DECREE_INVALID;
    }
    error = uv_timer_init(transport->loop, &link->timer);
    assert(error == 0);
    call_hold(transport);
    link->timer.data = link;
    link->state = CALL_WAITING;
    (void)uv_timer_start(&link->timer, on_timer, 0, 0);
    *ret_link = link;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct call_link *link = handle->data;

    call_let_go(link->transport);
}

void call_link_close(struct call_link *link)
{
    assert(link->state != CALL_CLOSED);
    if (link->state == CALL_DIALLING || link->state == CALL_UP) {
        link->state = CALL_CLOSED;
        link->transport->wire->hang_up(link, "closing");
    }
    link->state = CALL_CLOSED;
    uv_close((uv_handle_t *)&link->timer, on_timer_closed);
}

void call_link_free(struct call_link *link)
{
    assert(link->state == CALL_CLOSED);
    assert(link->connection == NULL);
    drop_queue(link);
    free(link);
}
