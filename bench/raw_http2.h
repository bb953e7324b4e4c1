/* SPDX-License-Identifier: MIT */
/* raw_http2.h -- the client side of gRPC over HTTP/2 for load programs, as cheap as it can be: what
 * the client costs is taken from the server that is measured on the same machine.
 *
 *     frame    length (3 bytes), kind (1), flags (1), stream (4), payload
 *     message  0 (1 byte), length (4), bytes; in the payloads of a stream's DATA frames
 *
 * Of the server's frames only DATA, SETTINGS, PING, RST_STREAM and GOAWAY are looked at, header
 * fields never. So a stream that ends without a message is one that failed. Windows are opened as
 * wide as they go. One thread, one epoll; what is sent goes out once a turn. Any error of the
 * network, and whatever a server has no reason to send, ends the program.
 */
#ifndef DECREE_BENCH_RAW_HTTP2_H
#define DECREE_BENCH_RAW_HTTP2_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct raw_connection;

struct raw_stream {
    struct raw_connection *connection;
    void *owner; /* the program's */
    uint32_t id;
    uint32_t unacked;  /* bytes that came, and are not given back to the window */
    uint32_t messages; /* that came */
    uint8_t *part;     /* of a message that is not whole yet */
    size_t part_size, part_room;
};

struct raw_client {
    int epoll;
    /* A whole message of the server's; borrowed. */
    void (*message)(struct raw_stream *stream, const uint8_t *message, size_t size);
    /* The server has said all. The stream is gone with the return. */
    void (*ended)(struct raw_stream *stream);
    struct raw_connection *connections;
};

/* Says what is wrong, and exits with 1. */
_Noreturn void raw_die(const char *what) __attribute__((cold));

uint64_t raw_now_ns(void);

/* HOST a numeric address of IPv4. */
struct sockaddr_in raw_address(const char *host, const char *port);

void raw_client_init(struct raw_client *client);
struct raw_connection *raw_connect(struct raw_client *client, const struct sockaddr_in *address);
struct raw_stream *raw_stream_open(struct raw_connection *connection, const char *path,
                                   void *owner);
/* last: the client has said all. */
void raw_stream_send(struct raw_stream *stream, const uint8_t *message, size_t size, bool last);

/* Writes what there is to write, waits for at most timeout_ms (-1: for ever), reads what has come. */
void raw_client_turn(struct raw_client *client, int timeout_ms);

void raw_client_release(struct raw_client *client);

/* ---- messages: the few bytes that a load program needs of Protocol Buffers ---- */

uint8_t *raw_put_number(uint8_t *at, uint32_t field, uint64_t number);
uint8_t *raw_put_bytes(uint8_t *at, uint32_t field, const void *bytes, size_t size);

struct raw_field {
    uint32_t number;
    uint64_t value;       /* of a number; the size of bytes */
    const uint8_t *bytes; /* NULL: a number */
};

/* The field at *at, which moves behind it; false at the end. */
bool raw_next_field(const uint8_t **at, const uint8_t *end, struct raw_field *ret_field);

#endif
