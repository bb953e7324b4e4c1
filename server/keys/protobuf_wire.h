/* SPDX-License-Identifier: MIT */
/* protobuf_wire.h -- the few messages of the hot path, read and written without a tree in between.
 *
 *   tag     varint: field number << 3 | kind; kinds: 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes
 *   length  varint
 *
 * A request is read into a plain struct by a table with a line per field: bytes are borrowed from
 * the message, unknown fields are skipped, of a field that comes twice the last counts. All other
 * messages go through protobuf-c.
 */
#ifndef DECREE_SERVER_PROTOBUF_WIRE_H
#define DECREE_SERVER_PROTOBUF_WIRE_H

#include "bytes.h"
#include "command.h"

enum wire_kind { WIRE_BYTES = 1, WIRE_INT64, WIRE_INT32, WIRE_BOOL };

struct wire_field { /* the line at index n is for field n + 1 */
    enum wire_kind kind;
    size_t offset; /* of a struct kv_bytes, int64_t, int32_t or bool in the struct */
};

/* Reads message into the zeroed struct at ret_struct. False: malformed. */
bool wire_read(const uint8_t *message, size_t size, const struct wire_field *fields,
               size_t field_count, void *ret_struct);

/* One field of a message, for those that come many times: bytes, or a number. */
struct wire_item {
    uint32_t field;
    bool is_bytes;
    struct kv_bytes bytes;
    uint64_t number;
};

/* The next field of the message that the reader is over; false at its end, or, with the reader
 * failed, if it is malformed. */
bool wire_next(struct reader *reader, struct wire_item *ret_item);

/* Sizes and writing of fields, as proto3: zero and empty are left out. */
size_t wire_varint_size(uint64_t number);
size_t wire_int_size(uint64_t number); /* of a field numbered 1 to 15 */
size_t wire_bytes_size(size_t size);   /* likewise */
void wire_write_int(struct writer *writer, uint32_t field, uint64_t number);
void wire_write_bytes(struct writer *writer, uint32_t field, struct kv_bytes bytes);

/* The head of a message within the message, which is written even if it is empty. */
void wire_write_message_head(struct writer *writer, uint32_t field, size_t size);

#endif
