/* SPDX-License-Identifier: MIT */
/* reply.h -- the answer to one gRPC call, put together from what HTTP/2 brings.
 *
 * An answer is a header block, one message (of a stream: any number) and a trailer block; an error may
 * come as one block alone. A message is framed:
 *
 *     byte 0      0: not compressed; 1: compressed, which we never asked for
 *     bytes 1-4   size of what follows, big-endian
 *     then        the protobuf message
 *
 * Nothing here trusts the peer: what does not fit becomes an INTERNAL or UNKNOWN outcome with a
 * sentence.
 */
#ifndef DECREE_RPC_REPLY_H
#define DECREE_RPC_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grpc_status.h"

#define REPLY_HEAD_BYTES 5u
#define REPLY_BYTES_MAX ((size_t)INT32_MAX)
#define REPLY_TEXT_BYTES 512u

struct reply {
    unsigned http_status;        /* 0: none yet */
    bool has_status;             /* a grpc-status came */
    bool too_large, no_memory;   /* the body was dropped */
    enum grpc_status code;       /* set by reply_finish() */
    char text[REPLY_TEXT_BYTES]; /* the sentence that came with an error, cut to fit */
    uint8_t *body;
    size_t size, room;
};

void reply_init(struct reply *reply);
void reply_release(struct reply *reply);

/* Takes in one header or trailer field. */
void reply_header(struct reply *reply, const uint8_t *name, size_t name_size, const uint8_t *value,
                  size_t value_size);

/* Takes in a piece of the body. */
void reply_data(struct reply *reply, const uint8_t *data, size_t size);

/* Of a stream: the message at this place of what came, borrowed; NULL: it is not whole yet. */
const uint8_t *reply_next_message(const struct reply *reply, size_t at, size_t *ret_size);

/* Of a stream: so many bytes of what came were taken. */
void reply_drop(struct reply *reply, size_t size);

/* Judges what came once the stream has ended by itself: sets code and text. Of a stream all messages
 * must have been taken, otherwise there must be one. */
void reply_finish(struct reply *reply, bool is_stream);

/* Ends it with an outcome of our own, such as a lost connection. */
void reply_fail(struct reply *reply, enum grpc_status code, const char *text);

/* The message, borrowed; only after an OK. */
const uint8_t *reply_message(const struct reply *reply, size_t *ret_size);

#endif
