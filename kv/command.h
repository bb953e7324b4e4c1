/* SPDX-License-Identifier: MIT */
/* command.h -- the byte form of what is replicated: one change to the key-value store.
 *
 *   byte 0     COMMAND_MACHINE_KV: for the key-value store, in this version of the form
 *   byte 1     enum command_op
 *   byte 2     flags, a bit each; a bit that the op does not know makes the command malformed
 *   put            varint key size, key, varint value size, value, [8 bytes lease, little-endian]
 *   delete_range   varint key size, key, varint range_end size, range_end
 *
 * The lease is there if COMMAND_HAS_LEASE is set, and is then not 0. A key is never empty. Nothing
 * may follow. Numbers of ops and flags are never used again for another meaning: journals keep
 * these bytes.
 */
#ifndef DECREE_KV_COMMAND_H
#define DECREE_KV_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMMAND_MACHINE_KV 0x4bu
#define COMMAND_BYTES_MAX (UINT32_C(1) << 30) /* of a whole command; more is malformed */

enum command_op { COMMAND_PUT = 1, COMMAND_DELETE_RANGE };

enum command_flag {
    COMMAND_PREV_KV = 0x01, /* put and delete_range: the result carries what was there before */
    COMMAND_IGNORE_VALUE = 0x02, /* put: keep the value that is there; the value sent is empty */
    COMMAND_IGNORE_LEASE = 0x04, /* put: keep the lease that is there; no lease is sent */
    COMMAND_HAS_LEASE = 0x08     /* put: a lease follows the value */
};

/* Bytes of somebody else. data may be NULL if size is 0. */
struct kv_bytes {
    const uint8_t *data;
    size_t size;
};

struct command_put {
    struct kv_bytes key, value;
    int64_t lease; /* 0: none */
    bool prev_kv, ignore_value, ignore_lease;
};

/* range_end: empty for one key, one zero byte for "from key on", else the first key past the
 * range. */
struct command_delete_range {
    struct kv_bytes key, range_end;
    bool prev_kv;
};

struct command {
    enum command_op op;
    union {
        struct command_put put;
        struct command_delete_range delete_range;
    } u;
};

/* The number of bytes that command_encode() writes. */
size_t command_size(const struct command *command);

/* Writes the command to data, which has room for size == command_size(command) bytes. The key is
 * not empty; a put with ignore_value has no value, one with ignore_lease no lease. */
void command_encode(const struct command *command, uint8_t *data, size_t size);

/* Reads a command from bytes that anybody may have made; false if they are not one. The bytes in
 * ret_command are borrowed from data. */
bool command_decode(const uint8_t *data, size_t size, struct command *ret_command);

#endif
