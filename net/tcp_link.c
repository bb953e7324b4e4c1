/* SPDX-License-Identifier: MIT */
/* tcp_link.c -- a way out to one peer: for what is urgent, or for all else.
 *
 *     WAITING --timer--> RESOLVING --> CONNECTING --> GREETING --answer--> UP
 *        ^               (a name)         |              |                 |
 *        |                                v              v                 v
 *        +------- all addresses tried -- CLOSING <------ fail(): refused, timer, reset, end
 *        |                                 |
 *        |                                 +-- next address, or at once again after it was UP for a while
 *        +-- unreachable(peer), when refused
 *
 * A link that was UP for a while is dialled again at once: if the peer's process is gone, its
 * machine refuses, and the sink knows within a round trip of the crash. What waits in the queue
 * when a dial fails is dropped: the peers of a dead node should not keep old messages for it.
 *
 * Frames that the kernel does not take at once are in flight: libuv has them until it has written
 * them, so they are neither dropped nor freed before.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "socket_progress.h"
#include "tcp_parts.h"

#define BACKOFF_FIRST_MS 10u
#define BACKOFF_LAST_MS 500u
#define UP_FOR_A_WHILE_MS 500u
#define HANG_UPS_MAX 3u /* in a row, before they are taken for an answer */
#define PIECES_MAX 256u /* in one system call */
#define FLIGHT_BYTES_MAX (256u << 10)
#define LOOKS 4u       /* in the time within which something has to arrive */
#define KEEPALIVE_S 1u /* a connection that is not used should end when the network does */

static void dial(struct link *link);
static void on_timer(uv_timer_t *timer);
static void write_queue(struct link *link);

/* Waits, longer each time, before the next dial. */
static void wait(struct link *link)
{
    uint32_t half_ms = link->backoff_ms / 2;
    uint64_t delay_ms = half_ms + prng_below(&link->tcp->prng, half_ms + 1);

    assert(link->state != LINK_CLOSED);
    assert(link->backoff_ms >= BACKOFF_FIRST_MS);
    link->state = LINK_WAITING;
    link->backoff_ms = link->backoff_ms * 2 < BACKOFF_LAST_MS ? link->backoff_ms * 2
                                                              : BACKOFF_LAST_MS;
    (void)uv_timer_start(&link->timer, on_timer, delay_ms, 0);
}

static void count_dropped(struct link *link, uint64_t frames)
{
    link->tcp->counters.frames_dropped += frames;
    link->traffic.dropped += frames;
}

/* No address led to the peer. The sink is told last: it may close everything. */
static void dial_failed(struct link *link)
{
    struct tcp *tcp = link->tcp;
    bool tell = link->refused && !link->doubtful && !link->urgent;

    count_dropped(link, send_queue_clear(&link->queue));
    link->addresses.count = 0;
    wait(link);
    if (!tell)
        return;
    link->turned_away = 0; /* nobody is there: he was not, or died */
    tcp->counters.refused++;
    tcp->sink.unreachable(tcp->sink.context, link->peer);
}

static void connect_next(struct link *link);

static void on_socket_closed(uv_handle_t *handle)
{
    struct link *link = handle->data;
    struct tcp *tcp = link->tcp;

    assert(link->writing_bytes == 0);
    count_dropped(link, send_queue_clear(&link->flight));
    if (link->state != LINK_CLOSED) {
        assert(link->state == LINK_CLOSING);
        if (!link->was_up && ++link->address_next < link->addresses.count) {
            connect_next(link);
        } else if (!link->was_up) {
            dial_failed(link);
        } else if (uv_now(tcp->loop) - link->up_since_ms >= UP_FOR_A_WHILE_MS) {
            link->backoff_ms = BACKOFF_FIRST_MS;
            dial(link);
        } else {
            wait(link);
        }
    }
    tcp_let_go(tcp);
}

/* Who is alive and hangs up on a hello, again and again, does not know this node, or not with these
 * settings; once it may have been killed just then. That is said once, until it goes well. */
static void note_turned_away(struct link *link)
{
    if (link->turned_away == HANG_UPS_MAX || link->urgent)
        return;
    link->turned_away++;
    if (link->turned_away == HANG_UPS_MAX)
        log_warn(link->tcp->config.logger, "hello_refused",
                 "peer=%u host=%s port=%u reason=\"it hung up: to it, this is another cluster, or "
                 "the same with other settings\"",
                 link->peer, link->host, link->port);
}

/* Ends the connection, or the attempt at one. */
static void fail(struct link *link, int error)
{
    assert(link->state >= LINK_CONNECTING);
    assert(link->state <= LINK_UP);
    link->was_up = link->state == LINK_UP;
    if (link->state == LINK_CONNECTING && error == UV_ECONNREFUSED)
        link->refused = true;
    else if (link->state == LINK_GREETING || error == UV_ETIMEDOUT)
        link->doubtful = true;
    if (link->state == LINK_GREETING && error == UV_EOF)
        note_turned_away(link);
    if (link->was_up && !link->urgent)
        log_info(link->tcp->config.logger, "link_down", "peer=%u reason=\"%s\"", link->peer,
                 uv_strerror(error));
    else
        log_debug(link->tcp->config.logger, "dial_failed", "peer=%u reason=\"%s\"", link->peer,
                  uv_strerror(error));
    link->state = LINK_CLOSING;
    (void)uv_timer_stop(&link->timer);
    uv_close((uv_handle_t *)&link->socket, on_socket_closed);
}

static void look_later(struct link *link)
{
    uint64_t limit_ms = link->tcp->config.deliver_within_ms;

    (void)uv_timer_start(&link->timer, on_timer, limit_ms / LOOKS + 1, 0);
}

/* A connection over which nothing arrives is given up. The kernel would try for a quarter of an hour,
 * ever more rarely, and not notice at once when a cut network is whole again; and the limit that it
 * can be given, TCP_USER_TIMEOUT, also ends a connection to one who takes little at a time. */
static void watch_delivery(struct link *link)
{
    uint64_t now_ms = uv_now(link->tcp->loop), before = link->acked;

    assert(link->state == LINK_UP);
    if (link_waiting(link) == 0)
        return;
    link->acked = socket_acked(&link->socket);
    if (link->acked != before || link->acked == 0) /* the hello was: 0 says nothing */
        link->progress_ms = now_ms;
    if (now_ms - link->progress_ms >= link->tcp->config.deliver_within_ms)
        fail(link, UV_ETIMEDOUT);
    else
        look_later(link);
}

static void note_written(struct link *link)
{
    if (uv_is_active((uv_handle_t *)&link->timer))
        return;
    link->progress_ms = uv_now(link->tcp->loop);
    look_later(link);
}

static void on_timer(uv_timer_t *timer)
{
    struct link *link = timer->data;

    if (link->state == LINK_WAITING)
        dial(link);
    else if (link->state == LINK_UP)
        watch_delivery(link);
    else
        fail(link, UV_ETIMEDOUT);
}

static void on_answer(struct link *link)
{
    const struct tcp_config *config = &link->tcp->config;
    const uint8_t *payload = link->answer + FRAME_HEADER_BYTES;
    struct frame_header header;
    struct hello hello;

    assert(link->state == LINK_GREETING);
    if (frame_header_read(&header, link->answer, HELLO_FRAME_BYTES) != 0 ||
        !frame_is_sound(&header, payload) || hello_read(&hello, &header, payload) != 0 ||
        hello.cluster_id != config->cluster_id || hello.from != link->peer ||
        hello.to != config->self) {
        uint32_t suppressed;

        if (tcp_may_log(link->tcp, &suppressed))
            log_warn(config->logger, "peer_is_another",
                     "peer=%u host=%s port=%u suppressed=%u hint=\"all members need the same "
                     "--transport\"",
                     link->peer, link->host, link->port, suppressed);
        fail(link, UV_EPROTO);
        return;
    }
    (void)uv_timer_stop(&link->timer);
    link->state = LINK_UP;
    link->turned_away = 0;
    link->up_since_ms = uv_now(link->tcp->loop);
    if (!link->urgent)
        log_info(config->logger, "link_up", "peer=%u host=%s port=%u", link->peer, link->host,
                 link->port);
    write_queue(link);
}

static void on_alloc(uv_handle_t *handle, size_t suggested_size, uv_buf_t *ret_buffer)
{
    struct link *link = handle->data;

    (void)suggested_size;
    assert(link->answer_size < HELLO_FRAME_BYTES || link->state == LINK_UP);
    if (link->state == LINK_UP) /* nothing should come: where it goes does not matter */
        link->answer_size = 0;
    *ret_buffer = uv_buf_init((char *)link->answer + link->answer_size,
                              (unsigned)(HELLO_FRAME_BYTES - link->answer_size));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct link *link = stream->data;

    (void)buffer;
    if (link->state != LINK_GREETING && link->state != LINK_UP)
        return;
    if (count < 0) {
        fail(link, (int)count);
    } else if (count > 0 && link->state == LINK_UP) {
        fail(link, UV_EPROTO);
    } else if (count > 0) {
        link->answer_size += (size_t)count;
        if (link->answer_size == HELLO_FRAME_BYTES)
            on_answer(link);
    }
}

static void on_connected(uv_connect_t *request, int status)
{
    struct link *link = request->data;
    struct hello hello = {link->tcp->config.cluster_id, link->tcp->config.self, link->peer,
                          link->urgent};
    uint8_t data[HELLO_FRAME_BYTES];
    uv_buf_t buffer = uv_buf_init((char *)data, sizeof(data));
    int written;

    if (link->state != LINK_CONNECTING)
        return;
    if (status < 0) {
        fail(link, status);
        return;
    }
    link->state = LINK_GREETING;
    link->answer_size = 0;
    hello_write(&hello, data);
    /* A new connection has room for this little. */
    written = uv_try_write((uv_stream_t *)&link->socket, &buffer, 1);
    if (written != (int)sizeof(data))
        fail(link, written < 0 ? written : UV_EPIPE);
    else
        (void)uv_read_start((uv_stream_t *)&link->socket, on_alloc, on_read);
}

static void connect_next(struct link *link)
{
    const struct sockaddr *address =
        (const struct sockaddr *)&link->addresses.list[link->address_next];
    int error;

    assert(link->address_next < link->addresses.count);
    link->state = LINK_CONNECTING;
    error = uv_tcp_init(link->tcp->loop, &link->socket);
    assert(error == 0);
    tcp_hold(link->tcp);
    link->socket.data = link;
    link->connect.data = link;
    (void)uv_timer_start(&link->timer, on_timer, link->tcp->config.dial_within_ms, 0);
    error = uv_tcp_connect(&link->connect, &link->socket, address, on_connected);
    if (error == 0)
        error = uv_tcp_nodelay(&link->socket, 1);
    if (error == 0)
        error = uv_tcp_keepalive(&link->socket, 1, KEEPALIVE_S);
    if (error != 0)
        fail(link, error);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct link *link = request->data;
    struct tcp *tcp = link->tcp;

    if (status == 0)
        tcp_addresses_collect(&link->addresses, found);
    uv_freeaddrinfo(found);
    if (link->state == LINK_RESOLVING && link->addresses.count > 0)
        connect_next(link);
    else if (link->state == LINK_RESOLVING)
        dial_failed(link);
    tcp_let_go(tcp);
}

static void resolve(struct link *link)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    char service[8];
    int error;

    assert(link->addresses.count == 0);
    (void)snprintf(service, sizeof(service), "%u", (unsigned)link->port);
    link->state = LINK_RESOLVING;
    link->resolve.data = link;
    error = uv_getaddrinfo(link->tcp->loop, &link->resolve, on_resolved, link->host, service,
                           &hints);
    if (error == 0)
        tcp_hold(link->tcp);
    else
        dial_failed(link);
}

/* Begins with the first address; those of the last connection are still good. */
static void dial(struct link *link)
{
    assert(link->state == LINK_WAITING || link->state == LINK_CLOSING);
    assert(send_queue_is_empty(&link->flight));
    link->tcp->counters.dials++;
    link->address_next = 0;
    link->refused = false;
    link->doubtful = false;
    link->was_up = false;
    if (link->addresses.count > 0 || tcp_addresses_parse(&link->addresses, link->host, link->port))
        connect_next(link);
    else
        resolve(link);
}

static void on_written(uv_write_t *request, int status);

/* Hands what is in flight to libuv, as much of it as one call takes. */
static void write_flight(struct link *link)
{
    struct iovec pieces[PIECES_MAX];
    uv_buf_t buffers[PIECES_MAX];
    uint32_t count;
    int error;

    assert(link->writing_bytes == 0);
    count = send_queue_gather(&link->flight, pieces, PIECES_MAX, &link->writing_bytes);
    assert(count > 0);
    for (uint32_t i = 0; i < count; i++)
        buffers[i] = (uv_buf_t){.base = pieces[i].iov_base, .len = pieces[i].iov_len};
    link->write.data = link;
    error = uv_write(&link->write, (uv_stream_t *)&link->socket, buffers, count, on_written);
    if (error == 0)
        return;
    link->writing_bytes = 0;
    fail(link, error);
}

static void on_written(uv_write_t *request, int status)
{
    struct link *link = request->data;
    size_t bytes = link->writing_bytes;

    assert(bytes > 0);
    link->writing_bytes = 0;
    if (link->state != LINK_UP)
        return;
    if (status < 0) {
        fail(link, status);
        return;
    }
    link->tcp->counters.writes++;
    link->tcp->counters.bytes_sent += bytes;
    link->traffic.bytes_sent += bytes;
    link->tcp->counters.frames_sent += send_queue_written(&link->flight, bytes);
    if (send_queue_is_empty(&link->flight))
        write_queue(link);
    else
        write_flight(link);
}

/* One system call. Bytes written, which may be fewer than there are; or a negative error. */
static ssize_t write_some(struct link *link, size_t *ret_offered)
{
    struct iovec pieces[PIECES_MAX];
    uv_buf_t buffers[PIECES_MAX];
    uint32_t count = send_queue_gather(&link->queue, pieces, PIECES_MAX, ret_offered);

    assert(count > 0);
    for (uint32_t i = 0; i < count; i++)
        buffers[i] = (uv_buf_t){.base = pieces[i].iov_base, .len = pieces[i].iov_len};
    return uv_try_write((uv_stream_t *)&link->socket, buffers, count);
}

/* Writes until all is written or the kernel takes no more; then the oldest frames are in flight. */
static void write_queue(struct link *link)
{
    struct tcp_counters *counters = &link->tcp->counters;
    size_t offered = 0;
    ssize_t written;

    assert(link->state == LINK_UP);
    assert(link->writing_bytes == 0);
    note_written(link);
    while (!send_queue_is_empty(&link->queue)) {
        written = write_some(link, &offered);
        if (written < 0 && written != UV_EAGAIN) {
            fail(link, (int)written);
            return;
        }
        counters->writes++;
        if (written > 0) {
            counters->bytes_sent += (uint64_t)written;
            link->traffic.bytes_sent += (uint64_t)written;
            counters->frames_sent += send_queue_written(&link->queue, (size_t)written);
        }
        if (written < 0 || (size_t)written < offered) {
            send_queue_split(&link->queue, &link->flight, FLIGHT_BYTES_MAX);
            write_flight(link);
            return;
        }
    }
}

void link_send(struct link *link, struct frame *frame)
{
    assert(link->state != LINK_CLOSED);
    send_queue_push(&link->queue, frame);
    count_dropped(link, send_queue_trim(&link->queue, link->tcp->config.queue_bytes_max));
}

uint64_t link_waiting(const struct link *link)
{
    uint64_t bytes = link->queue.bytes + link->flight.bytes;

    return link->state == LINK_UP ? bytes + socket_waiting(&link->socket) : bytes;
}

void link_flush(struct link *link)
{
    if (link->state == LINK_UP && link->writing_bytes == 0 && !send_queue_is_empty(&link->queue))
        write_queue(link);
}

int link_open(struct link **ret_link, struct tcp *tcp, decree_node_id peer, bool urgent,
              const char *host, uint16_t port)
{
    struct link *link = calloc(1, sizeof(*link));
    int error;

    assert(peer != 0);
    if (link == NULL)
        return DECREE_NOMEM;
    *link = (struct link){.tcp = tcp,
                          .peer = peer,
                          .urgent = urgent,
                          .host = strdup(host),
                          .port = port,
                          .backoff_ms = BACKOFF_FIRST_MS};
    if (link->host == NULL) {
        free(link);
        return DECREE_NOMEM;
    }
    error = uv_timer_init(tcp->loop, &link->timer);
    assert(error == 0);
    tcp_hold(tcp);
    link->timer.data = link;
    link->state = LINK_WAITING;
    (void)uv_timer_start(&link->timer, on_timer, 0, 0);
    *ret_link = link;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct link *link = handle->data;

    tcp_let_go(link->tcp);
}

void link_close(struct link *link)
{
    enum link_state state = link->state;

    assert(state != LINK_CLOSED);
    link->state = LINK_CLOSED;
    uv_close((uv_handle_t *)&link->timer, on_timer_closed);
    if (state == LINK_RESOLVING)
        (void)uv_cancel((uv_req_t *)&link->resolve);
    if (state == LINK_CONNECTING || state == LINK_GREETING || state == LINK_UP)
        uv_close((uv_handle_t *)&link->socket, on_socket_closed);
}

void link_free(struct link *link)
{
    assert(link->state == LINK_CLOSED);
    (void)send_queue_clear(&link->queue);
    (void)send_queue_clear(&link->flight);
    free(link->host);
    free(link);
}
