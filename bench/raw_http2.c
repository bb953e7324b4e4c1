/* SPDX-License-Identifier: MIT */
/* raw_http2.c -- see raw_http2.h. */
#include "raw_http2.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define FRAME_HEAD_BYTES 9u
#define PREFIX_BYTES 5u
#define READ_BYTES (1u << 20)
#define WINDOW_MAX 0x7fffffffu
#define WINDOW_FIRST 65535u
#define WINDOW_UPDATE_BYTES (1u << 29) /* of what came, till it is given back */
#define EVENTS_MAX 64

enum frame_kind {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RST_STREAM = 3,
    FRAME_SETTINGS = 4,
    FRAME_PING = 6,
    FRAME_GOAWAY = 7,
    FRAME_WINDOW_UPDATE = 8
};
enum frame_flag { FLAG_ACK = 1, FLAG_END_STREAM = 1, FLAG_END_HEADERS = 4, FLAG_PADDED = 8 };

struct raw_connection {
    struct raw_client *client;
    struct raw_connection *next;
    int socket;
    char authority[64];
    struct raw_stream **streams; /* stream number n * 2 + 1 at n; NULL: gone */
    size_t stream_count, stream_room;
    uint32_t unacked;
    int64_t send_window; /* of the connection; that of a stream is as large at first */
    uint8_t *out;
    size_t out_size, out_sent, out_room;
    uint8_t *in; /* READ_BYTES and a frame */
    size_t in_size;
};

void raw_die(const char *what)
{
    (void)fprintf(stderr, "%s\n", what);
    exit(1);
}

uint64_t raw_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

struct sockaddr_in raw_address(const char *host, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};

    address.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1 || address.sin_port == 0)
        raw_die("the server is to be given as a numeric address and a port");
    return address;
}

/* ---- writing ---- */

static void *grow(void *memory, size_t *room, size_t needed, size_t element_size)
{
    if (needed <= *room)
        return memory;
    *room = 2 * needed + 64;
    memory = realloc(memory, *room * element_size);
    if (memory == NULL)
        raw_die("out of memory");
    return memory;
}

static uint8_t *reserve(struct raw_connection *connection, size_t size)
{
    connection->out = grow(connection->out, &connection->out_room, connection->out_size + size, 1);
    return connection->out + connection->out_size;
}

static uint8_t *put_u32(uint8_t *at, uint32_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (uint8_t)(number >> shift);
    return at;
}

static uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The frame's payload, of this size, is to be filled in. */
static uint8_t *put_frame(struct raw_connection *connection, enum frame_kind kind, int flags,
                          uint32_t stream, size_t size)
{
    uint8_t *at = reserve(connection, FRAME_HEAD_BYTES + size);

    assert(size < 1u << 14);
    put_u32(at, (uint32_t)size << 8 | (uint32_t)kind);
    at[4] = (uint8_t)flags;
    put_u32(at + 5, stream);
    connection->out_size += FRAME_HEAD_BYTES + size;
    return at + FRAME_HEAD_BYTES;
}

static void give_back(struct raw_connection *connection, uint32_t stream, uint32_t *unacked,
                      size_t size)
{
    *unacked += (uint32_t)size;
    if (*unacked < WINDOW_UPDATE_BYTES)
        return;
    put_u32(put_frame(connection, FRAME_WINDOW_UPDATE, 0, stream, 4), *unacked);
    *unacked = 0;
}

static void write_out(struct raw_connection *connection)
{
    while (connection->out_sent < connection->out_size) {
        ssize_t count = send(connection->socket, connection->out + connection->out_sent,
                             connection->out_size - connection->out_sent,
                             MSG_NOSIGNAL | MSG_DONTWAIT);

        if (count < 0 && errno == EAGAIN)
            return; /* the next turn comes soon: the server has things to answer */
        if (count < 0)
            raw_die("the server does not take what is sent");
        connection->out_sent += (size_t)count;
    }
    connection->out_size = connection->out_sent = 0;
}

/* A literal that is not indexed, its name and value as they are. */
static uint8_t *put_header(uint8_t *at, const char *name, const char *value)
{
    size_t name_size = strlen(name), value_size = strlen(value);

    assert(name_size < 127);
    assert(value_size < 127);
    *at++ = 0;
    *at++ = (uint8_t)name_size;
    memcpy(at, name, name_size);
    at += name_size;
    *at++ = (uint8_t)value_size;
    memcpy(at, value, value_size);
    return at + value_size;
}

struct raw_stream *raw_stream_open(struct raw_connection *connection, const char *path, void *owner)
{
    struct raw_stream *stream = calloc(1, sizeof(*stream));
    uint8_t block[512], *at = block;

    if (stream == NULL)
        raw_die("out of memory");
    connection->streams = grow(connection->streams, &connection->stream_room,
                               connection->stream_count + 1, sizeof(struct raw_stream *));
    stream->connection = connection;
    stream->owner = owner;
    stream->id = (uint32_t)connection->stream_count * 2 + 1;
    connection->streams[connection->stream_count++] = stream;
    at = put_header(at, ":method", "POST");
    at = put_header(at, ":scheme", "http");
    at = put_header(at, ":path", path);
    at = put_header(at, ":authority", connection->authority);
    at = put_header(at, "content-type", "application/grpc");
    at = put_header(at, "te", "trailers");
    memcpy(put_frame(connection, FRAME_HEADERS, FLAG_END_HEADERS, stream->id, (size_t)(at - block)),
           block, (size_t)(at - block));
    return stream;
}

void raw_stream_send(struct raw_stream *stream, const uint8_t *message, size_t size, bool last)
{
    struct raw_connection *connection = stream->connection;
    uint8_t *at = put_frame(connection, FRAME_DATA, last ? FLAG_END_STREAM : 0, stream->id,
                            PREFIX_BYTES + size);

    *at++ = 0;
    at = put_u32(at, (uint32_t)size);
    memcpy(at, message, size);
    connection->send_window -= (int64_t)(PREFIX_BYTES + size);
    if (connection->send_window < 0)
        raw_die("the server's window is too small for this load");
}

/* ---- reading ---- */

static struct raw_stream *find_stream(struct raw_connection *connection, uint32_t id)
{
    if (id % 2 == 0 || id / 2 >= connection->stream_count)
        raw_die("the server speaks of a stream that is none");
    return connection->streams[id / 2];
}

static void end_stream(struct raw_stream *stream)
{
    struct raw_connection *connection = stream->connection;

    connection->client->ended(stream);
    connection->streams[stream->id / 2] = NULL;
    free(stream->part);
    free(stream);
}

/* Hands on the whole messages; returns what is left over. */
static size_t hand_on(struct raw_stream *stream, const uint8_t *data, size_t size)
{
    while (size >= PREFIX_BYTES && size - PREFIX_BYTES >= get_u32(data + 1)) {
        size_t length = get_u32(data + 1);

        stream->messages++;
        stream->connection->client->message(stream, data + PREFIX_BYTES, length);
        data += PREFIX_BYTES + length;
        size -= PREFIX_BYTES + length;
    }
    return size;
}

static void on_data(struct raw_stream *stream, const uint8_t *data, size_t size)
{
    size_t left;

    give_back(stream->connection, stream->id, &stream->unacked, size);
    if (stream->part_size > 0) {
        stream->part = grow(stream->part, &stream->part_room, stream->part_size + size, 1);
        memcpy(stream->part + stream->part_size, data, size);
        data = stream->part;
        size += stream->part_size;
    }
    left = hand_on(stream, data, size);
    if (left > 0 && (stream->part_size == 0 || left < size)) {
        stream->part = grow(stream->part, &stream->part_room, left, 1);
        memmove(stream->part, data + (size - left), left);
    }
    stream->part_size = left;
}

static void on_window_update(struct raw_connection *connection, uint32_t stream,
                             const uint8_t *payload)
{
    if (stream == 0)
        connection->send_window += get_u32(payload);
}

static void on_frame(struct raw_connection *connection, const uint8_t *frame, size_t size)
{
    const uint8_t *payload = frame + FRAME_HEAD_BYTES;
    uint32_t id = get_u32(frame + 5) & WINDOW_MAX;
    struct raw_stream *stream = frame[3] <= FRAME_RST_STREAM ? find_stream(connection, id) : NULL;

    switch ((enum frame_kind)frame[3]) {
    case FRAME_DATA:
        if ((frame[4] & FLAG_PADDED) != 0)
            raw_die("the server pads");
        give_back(connection, 0, &connection->unacked, size);
        if (stream != NULL)
            on_data(stream, payload, size);
        if (stream != NULL && (frame[4] & FLAG_END_STREAM) != 0)
            end_stream(stream);
        break;
    case FRAME_HEADERS:
        if (stream != NULL && (frame[4] & FLAG_END_STREAM) != 0)
            end_stream(stream);
        break;
    case FRAME_RST_STREAM:
        if (stream != NULL)
            end_stream(stream);
        break;
    case FRAME_SETTINGS:
        if ((frame[4] & FLAG_ACK) == 0)
            (void)put_frame(connection, FRAME_SETTINGS, FLAG_ACK, 0, 0);
        break;
    case FRAME_PING:
        if ((frame[4] & FLAG_ACK) == 0)
            memcpy(put_frame(connection, FRAME_PING, FLAG_ACK, 0, 8), payload, 8);
        break;
    case FRAME_GOAWAY:
        raw_die("the server sends its clients away");
    case FRAME_WINDOW_UPDATE:
        on_window_update(connection, id, payload);
        break;
    }
}

static void take_frames(struct raw_connection *connection)
{
    size_t at = 0;

    while (connection->in_size - at >= FRAME_HEAD_BYTES) {
        const uint8_t *frame = connection->in + at;
        size_t size = get_u32(frame) >> 8;

        if (size > 1u << 14)
            raw_die("the server sends a frame that is too long");
        if (connection->in_size - at < FRAME_HEAD_BYTES + size)
            break;
        on_frame(connection, frame, size);
        at += FRAME_HEAD_BYTES + size;
    }
    connection->in_size -= at;
    memmove(connection->in, connection->in + at, connection->in_size);
}

static void read_in(struct raw_connection *connection)
{
    ssize_t count = recv(connection->socket, connection->in + connection->in_size,
                         READ_BYTES - connection->in_size, MSG_DONTWAIT);

    if (count == 0)
        raw_die("the server has closed the connection");
    if (count < 0 && errno != EAGAIN)
        raw_die("the connection broke");
    if (count < 0)
        return;
    connection->in_size += (size_t)count;
    take_frames(connection);
}

/* ---- the client ---- */

void raw_client_init(struct raw_client *client)
{
    client->connections = NULL;
    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (client->epoll < 0)
        raw_die("no epoll");
}

static void greet(struct raw_connection *connection)
{
    static const char PREFACE[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    uint8_t *at = reserve(connection, sizeof(PREFACE) - 1);

    memcpy(at, PREFACE, sizeof(PREFACE) - 1);
    connection->out_size += sizeof(PREFACE) - 1;
    at = put_frame(connection, FRAME_SETTINGS, 0, 0, 6);
    at[0] = 0;
    at[1] = 4; /* the window that streams begin with */
    put_u32(at + 2, WINDOW_MAX);
    put_u32(put_frame(connection, FRAME_WINDOW_UPDATE, 0, 0, 4), WINDOW_MAX - WINDOW_FIRST);
}

struct raw_connection *raw_connect(struct raw_client *client, const struct sockaddr_in *address)
{
    struct raw_connection *connection = calloc(1, sizeof(*connection));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    int one = 1;

    if (connection == NULL || (connection->in = malloc(READ_BYTES)) == NULL)
        raw_die("out of memory");
    connection->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->socket < 0 ||
        connect(connection->socket, (const struct sockaddr *)address, sizeof(*address)) != 0)
        raw_die("cannot connect to the server");
    (void)setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    connection->client = client;
    connection->send_window = WINDOW_FIRST;
    (void)snprintf(connection->authority, sizeof(connection->authority), "127.0.0.1:%u",
                   (unsigned)ntohs(address->sin_port));
    greet(connection);
    connection->next = client->connections;
    client->connections = connection;
    if (epoll_ctl(client->epoll, EPOLL_CTL_ADD, connection->socket, &event) != 0)
        raw_die("no epoll");
    return connection;
}

void raw_client_turn(struct raw_client *client, int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int count;

    for (struct raw_connection *at = client->connections; at != NULL; at = at->next)
        write_out(at);
    count = epoll_wait(client->epoll, events, EVENTS_MAX, timeout_ms);
    for (int i = 0; i < count; i++)
        read_in(events[i].data.ptr);
}

void raw_client_release(struct raw_client *client)
{
    while (client->connections != NULL) {
        struct raw_connection *connection = client->connections;

        client->connections = connection->next;
        for (size_t i = 0; i < connection->stream_count; i++)
            if (connection->streams[i] != NULL)
                free(connection->streams[i]->part);
        for (size_t i = 0; i < connection->stream_count; i++)
            free(connection->streams[i]);
        close(connection->socket);
        free(connection->streams);
        free(connection->out);
        free(connection->in);
        free(connection);
    }
    close(client->epoll);
}

/* ---- messages ---- */

static uint8_t *put_varint(uint8_t *at, uint64_t number)
{
    for (; number >= 0x80; number >>= 7)
        *at++ = (uint8_t)(number | 0x80);
    *at++ = (uint8_t)number;
    return at;
}

uint8_t *raw_put_number(uint8_t *at, uint32_t field, uint64_t number)
{
    return put_varint(put_varint(at, field << 3), number);
}

uint8_t *raw_put_bytes(uint8_t *at, uint32_t field, const void *bytes, size_t size)
{
    at = put_varint(put_varint(at, field << 3 | 2), size);
    memcpy(at, bytes, size);
    return at + size;
}

static uint64_t get_varint(const uint8_t **at, const uint8_t *end)
{
    uint64_t number = 0;

    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        uint8_t byte = *(*at)++;

        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return number;
    }
    raw_die("the server sends a message that is none");
}

bool raw_next_field(const uint8_t **at, const uint8_t *end, struct raw_field *ret_field)
{
    uint64_t tag;

    if (*at == end)
        return false;
    tag = get_varint(at, end);
    ret_field->number = (uint32_t)(tag >> 3);
    ret_field->value = get_varint(at, end);
    ret_field->bytes = NULL;
    if ((tag & 7) == 0)
        return true;
    if ((tag & 7) != 2 || ret_field->value > (size_t)(end - *at))
        raw_die("the server sends a message that is none");
    ret_field->bytes = *at;
    *at += ret_field->value;
    return true;
}
