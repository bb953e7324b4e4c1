/* SPDX-License-Identifier: MIT */
/* protobuf_json.h -- the JSON form of any protobuf message, both ways, from its descriptor alone.
 *
 *     message                                 JSON
 *     numbers up to 32 bits, bool             number, true or false
 *     int64, uint64 and their like            "18446744073709551615": a string, as JavaScript needs it
 *     bytes                                   "aGVsbG8=": base64
 *     enum                                    "P2A": its name; a number if it has none
 *     message; repeated                       object; array
 *     oneof                                   the field that is set, flat among the others
 *     zero, "", not set                       left out, but not in a oneof
 *
 * Names are written as in the .proto file. Read are these, or their camelCase; numbers as numbers
 * or as strings; base64 in either alphabet, padded or not; null for what is not set. Fields that
 * the message does not have are ignored. A field that comes twice, and two fields of one oneof, are
 * refused. Maps are written as protobuf-c has them, as lists of key and value.
 *
 * The text is read by jansson, after a look at it has shown that this costs no more than allowed.
 */
#ifndef DECREE_RPC_PROTOBUF_JSON_H
#define DECREE_RPC_PROTOBUF_JSON_H

#include <protobuf-c/protobuf-c.h>

#include "arena.h"
#include "byte_buffer.h"

#define PROTOBUF_JSON_SENTENCE_BYTES 256u

/* Appends the JSON form of message, without spaces. Out of memory: out becomes failed. */
void protobuf_json_write(struct byte_buffer *out, const ProtobufCMessage *message);

/* Appends a string in quotes, with what must be escaped escaped. */
void protobuf_json_write_string(struct byte_buffer *out, const char *string);

struct protobuf_json_limits { /* 0 takes the default */
    uint32_t depth_max;       /* of objects and arrays in each other; default 64 */
    size_t memory_max;        /* for the parsed text, as a high estimate; default 64 MiB */
};

struct protobuf_json_document;

/* Parses a text that is one object, or an array of objects; limits may be NULL. On failure sentence
 * says what is wrong where. Errors: INVALID, TOO_LARGE (deeper or costlier than allowed). */
int protobuf_json_open(struct protobuf_json_document **ret_document, const char *text, size_t size,
                       const struct protobuf_json_limits *limits, char *sentence);

/* How many objects: 1, or those of the array. */
size_t protobuf_json_count(const struct protobuf_json_document *document);

/* Makes the message of the object at index, which lives in the arena until its reset. sentence
 * names the path of the field that is wrong: "paxos.pvalues[2].slot: not a number". Errors:
 * INVALID; NOMEM: the arena's bound is met, too. */
int protobuf_json_message(ProtobufCMessage **ret_message,
                          const struct protobuf_json_document *document, size_t index,
                          const ProtobufCMessageDescriptor *descriptor, struct arena *arena,
                          char *sentence);

void protobuf_json_close(struct protobuf_json_document *document); /* NULL is fine */

/* The three together, for a text that is one object. */
int protobuf_json_read(ProtobufCMessage **ret_message, const char *text, size_t size,
                       const struct protobuf_json_limits *limits,
                       const ProtobufCMessageDescriptor *descriptor, struct arena *arena,
                       char *sentence);

/* ---- values, for others who walk over messages ---- */

/* Bytes of one value of a field, as it lies in a message or in the array of a repeated field. */
size_t protobuf_json_value_size(const ProtobufCFieldDescriptor *field);

/* Has the message's field anything to say? Zeros have not, unless they were chosen in a oneof. */
bool protobuf_json_is_set(const ProtobufCFieldDescriptor *field, const void *message);

#endif
