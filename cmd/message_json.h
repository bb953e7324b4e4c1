/* SPDX-License-Identifier: MIT */
/* message_json.h -- the JSON form of any protobuf message, made from its descriptor alone.
 *
 * As etcdctl prints it: names as in the .proto file, bytes in base64, 64-bit numbers as plain
 * numbers, enums as numbers, and what has its default value is left out; what a txn answered is
 * {"Response":{"ResponsePut":...}}, as Go has a oneof. The API has no floating
 * point; such fields print as null.
 */
#ifndef DECREE_CMD_MESSAGE_JSON_H
#define DECREE_CMD_MESSAGE_JSON_H

#include <stdio.h>

#include <protobuf-c/protobuf-c.h>

/* Writes the message as one object, without a newline; the caller looks at ferror() in the end. */
void message_json_print(FILE *stream, const ProtobufCMessage *message);

/* Writes a string in quotes. Bytes that are not ASCII go out as they are. */
void string_json_print(FILE *stream, const char *text);

/* Bytes as a string of base64. */
void bytes_json_print(FILE *stream, const ProtobufCBinaryData *bytes);

#endif
